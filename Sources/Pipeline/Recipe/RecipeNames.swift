import TemperText
import TemperTune

/// The keys a recipe knows, other tools' spellings of them, and what to do about one that is not known.
///
/// The aliases are the config names of LLaMA-Factory and Axolotl.
enum RecipeNames {
    static let root = [
        "run_name", "output_dir", "model_name_or_path", "data_dir", "seed", "dtype", "quantization_bit", "device",
        "threads", "assess", "align", "tune", "defences", "defend", "continue", "guard", "guard_encoder",
        "retrieval", "cost",
    ]
    static let cost = ["watts", "price_per_hour", "price_per_kwh", "currency", "base_training_flops"]
    static let assess = [
        "suites", "utility", "max_new_tokens", "whole_answers", "batch_size", "temperature", "step_limit",
        "quantizations", "controls", "attacks", "attack_limit", "attacker", "evaluator", "judge",
        "judge_rubric", "judge_encoder",
    ]
    static let suite = ["name", "limit", "step_limit", "file", "format", "columns", "axis"]
    static let columns = ["prompt", "id", "category"]
    static let attack = ["name", "suite", "limit"]
    static let source = ["data", "limit", "weight", "format"]
    static let settings = TrainingSettings.CodingKeys.allCases.map(\.rawValue)
    static let align = ["train_data", "adapter_name_or_path"] + settings
    static let tune = ["train_data", "checkpoint_steps", "risk_budget"] + settings

    static let aliases = [
        "base_model": "model_name_or_path",
        "model": "model_name_or_path",
        "torch_dtype": "dtype",
        "load_in_4bit": "quantization_bit",
        "quantisations": "quantizations",
        "dataset_dir": "data_dir",
        "defenses": "defences",
        "dataset": "train_data",
        "datasets": "train_data",
        "beta": "pref_beta",
        "lr": "learning_rate",
        "lr_scheduler": "lr_scheduler_type",
        "num_epochs": "num_train_epochs",
        "epochs": "num_train_epochs",
        "micro_batch_size": "per_device_train_batch_size",
        "sequence_len": "cutoff_len",
        "max_length": "cutoff_len",
        "max_seq_length": "cutoff_len",
        "max_seq_len": "cutoff_len",
        "lora_rank": "lora_r",
        "lora_target_modules": "lora_target",
        "target_modules": "lora_target",
        "adam_eps": "adam_epsilon",
        "max_tokens": "max_new_tokens",
    ]

    private static let remedies = [
        "gate": "a recipe has no gate; leave it out, and run `temper gate RUN --policy FILE` after it",
        "load_in_8bit": "weights of 8 bits are not available; write `quantization_bit: 4` at the top level",
        "bf16": "write `dtype: bfloat16` at the top level",
        "fp16": "float16 is not available; write `dtype: bfloat16` or `dtype: float32` at the top level",
        "packing": "rows always lie end to end without padding; leave it out",
        "sample_packing": "rows always lie end to end without padding; leave it out",
        "logging_steps": "every step is logged; leave it out",
        "save_steps": "list the steps to save in `tune.checkpoint_steps`",
        "report_to": "a run records itself in its own folder; leave it out",
    ]

    /// Subjects and phases of every run, and what its times are counted under: no defence may share these names.
    static let reserved = [
        "raw", "aligned", "tuned", "base", "reference", "best", "start", "assess", "align", "tune", "report", "guard",
        "guarded", "controls", "search", "watch", "continued", "retrieval",
    ]

    /// What the names of a defence that goes on after the tuning have after its own.
    static let continued = "-continued"

    /// The known name behind a key, when its section has it.
    static func canonical(_ key: String, in known: [String]) -> String? {
        if known.contains(key) { return key }
        guard let name = aliases[key], known.contains(name) else { return nil }
        return name
    }

    /// What to do about a key that the section does not know.
    static func remedy(for key: String, in known: [String]) -> String {
        // A file of another kind, such as a gate's policy, has sections of its own.
        if [root, assess, suite, source, align, tune, cost].contains(known) {
            if let remedy = remedies[key] { return remedy }
            if known == root, canonical(key, in: tune) != nil { return "put it under `tune` or `align`" }
            if known == root, canonical(key, in: assess) != nil { return "put it under `assess`" }
            if known != root, canonical(key, in: root) != nil { return "put it at the top level" }
        }
        let names = known + aliases.filter { known.contains($0.value) }.map(\.key).sorted()
        if let nearest = Spelling.nearest(to: key, among: names) {
            return "did you mean `\(canonical(nearest, in: known) ?? nearest)`?"
        }
        return "known keys: \(known.joined(separator: ", "))"
    }

    static func isFileNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }

    /// Whether a text can name a folder on every system, and is no option where a command takes that folder.
    static func isFileName(_ text: String) -> Bool {
        guard let first = text.first, text.utf8.count <= 120 else { return false }
        return first != "." && first != "-" && text.allSatisfy(isFileNameCharacter)
    }
}
