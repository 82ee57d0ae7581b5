import Foundation
import TemperRisk
import TemperTune
import Testing

@testable import TemperPipeline

@Suite struct RecipeTests {
    private let small = """
        model_name_or_path: model.gguf
        tune:
          train_data: [embedded:cybersecurity]

        """

    private func read(
        _ yaml: String,
        _ overrides: [String] = [],
        environment: [String: String] = [:]
    ) throws -> Recipe {
        try Recipe.parse(yaml, file: "folder/small.yaml", overrides: overrides, environment: environment)
    }

    private func problem(_ yaml: String, _ overrides: [String] = []) -> RecipeError? {
        do {
            _ = try read(yaml, overrides)
            return nil
        } catch {
            return error as? RecipeError
        }
    }

    @Test func fillsInDefaults() throws {
        let recipe = try read(small)
        #expect(recipe.runName == "small" && recipe.outputDir == "runs" && recipe.seed == 1)
        #expect(recipe.assess.suites.map(\.name) == ["jailbreak", "over-refusal", "ordinary"])
        #expect(recipe.align == nil && recipe.defences.isEmpty)
        #expect(recipe.tune.settings == TrainingSettings())
        #expect(recipe.tune.trainData == [.init(data: "embedded:cybersecurity")])
        #expect(recipe.tune.checkpointSteps(total: 64) == [1, 2, 4, 8, 16, 32, 64])
        #expect(recipe.tune.checkpointSteps(total: 50) == [1, 2, 4, 8, 16, 32, 50])
        #expect(recipe.tune.checkpointSteps(total: 1) == [1] && recipe.tune.checkpointSteps(total: 0) == [])
    }

    @Test func readsEverySection() throws {
        let recipe = try read(
            """
            base_model: m
            load_in_4bit: true
            assess:
              suites: [jailbreak, {name: x, limit: 60, file: a.csv, format: advbench}]
              utility: cybersecurity
              temperature: 0.7
              step_limit: 40
            align:
              dataset: embedded:refusals
              lora_rank: 4
              lr: 1e-3
              micro_batch_size: 2
              num_epochs: 2.5
              sequence_len: 128
              lora_target_modules: [q_proj, v_proj]
              lr_scheduler: linear
            tune:
              train_data: [{data: d.jsonl, limit: 9, weight: 0.5, format: sharegpt}]
              checkpoint_steps: [4, 1, 4]
              lora_target: all
              warmup_steps: 3
              stage: dpo
              beta: 0.2
              gradient_checkpointing: true
            defenses:
              - {method: interpolation, scale: 0.5}
              - {name: two, method: realignment, steps: 1, rate: "0.5"}
            """
        )
        let align = try #require(recipe.align)
        #expect(recipe.modelNameOrPath == "m")
        #expect(recipe.assess.suites[1] == .init(name: "x", limit: 60, file: "a.csv", format: "advbench"))
        #expect(recipe.assess.utility == .init(name: "cybersecurity") && recipe.assess.stepLimit == 40)
        #expect(align.settings.loraR == 4 && align.settings.learningRate == 1e-3)
        #expect(align.settings.perDeviceTrainBatchSize == 2 && align.settings.numTrainEpochs == 2.5)
        #expect(align.settings.cutoffLen == 128 && align.settings.loraTarget == ["q_proj", "v_proj"])
        #expect(align.settings.lrSchedulerType == .linear)
        #expect(recipe.tune.checkpointSteps == [1, 4] && recipe.tune.settings.warmupSteps == 3)
        #expect(recipe.tune.trainData == [.init(data: "d.jsonl", limit: 9, weight: 0.5, format: .sharegpt)])
        #expect(recipe.quantizationBit == 4)
        #expect(recipe.tune.settings.stage == .dpo && recipe.tune.settings.prefBeta == 0.2)
        #expect(recipe.tune.settings.gradientCheckpointing && !align.settings.gradientCheckpointing)
        #expect(align.settings.stage == .sft && align.settings.prefBeta == 0.1)
        #expect(recipe.defences[0].name == "interpolation-scale-0.5")
        #expect(recipe.defences[0].knobs == ["scale": .number(0.5)])
        #expect(recipe.defences[1].knobs == ["steps": .number(1), "rate": .string("0.5")])
    }

    @Test(arguments: [
        ("  lora_rnak: 3", 4, "tune.lora_rnak", "did you mean `lora_r`"),
        ("  learning_rat: 3", 4, "tune.learning_rat", "did you mean `learning_rate`"),
        ("  seed: 3", 4, "tune.seed", "top level"),
        ("learning_rate: 3", 4, "learning_rate", "under `tune` or `align`"),
        ("gate: null", 4, "gate", "no gate"),
        ("  lora_r: many", 4, "tune.lora_r", "found many, expected a whole number"),
        ("  lora_r: 2.5", 4, "tune.lora_r", "found 2.5"),
        ("  lora_r: null", 4, "tune.lora_r", "found null"),
        ("  lora_r: 0", 4, "tune.lora_r", "expected 1 to 4096"),
        ("  lora_dropout: 0.05", 4, "tune.lora_dropout", "not available"),
        ("  learning_rate: nan", 4, "tune.learning_rate", "expected a number"),
        ("  learning_rate: -1", 4, "tune.learning_rate", "above 0"),
        ("  packing: true", 4, "tune.packing", "end to end without padding; leave it out"),
        ("  sample_packing: true", 4, "tune.sample_packing", "leave it out"),
        ("  logging_steps: 5", 4, "tune.logging_steps", "every step is logged"),
        ("  save_steps: 5", 4, "tune.save_steps", "checkpoint_steps"),
        ("  lr_scheduler_type: cosin", 4, "tune.lr_scheduler_type", "one of cosine, linear, constant"),
        ("device: gpu", 4, "device", "cuda:INDEX"),
        ("assess: {whole_answers: maybe}", 4, "assess.whole_answers", "true or false"),
        ("  stage: ppo", 4, "tune.stage", "one of sft, dpo"),
        ("  pref_beta: 0", 4, "tune.pref_beta", "above 0"),
        ("  stage: dpo\n  opening_weight: 2", 5, "tune.opening_weight", "1 with `stage: dpo`"),
        ("  stage: dpo\ndefences: [{method: safety-mix}]", 5, "defences", "found safety-mix"),
        ("  lora_target: {a: b}", 4, "tune.lora_target", "found a section"),
        ("  lora_r: 2\n  lora_rank: 3", 5, "tune.lora_rank", "already set as `lora_r`"),
        ("  lora_r: 2\n  lora_r: 3", 4, "", "stands twice"),
        ("  max_steps: 4\n  checkpoint_steps: [8]", 5, "tune.checkpoint_steps.0", "up to max_steps, which is 4"),
        ("run_name: a/b", 4, "run_name", "letters"),
        ("seed: -1", 4, "seed", "0 or more"),
        ("threads: -1", 4, "threads", "0 to 1024"),
        ("quantization_bit: 8", 4, "quantization_bit", "expected 4 or null"),
        ("  load_in_4bit: true", 4, "tune.load_in_4bit", "top level"),
        ("dtype: fp16", 4, "dtype", "auto, float32, bfloat16"),
        ("assess: [a]", 4, "assess", "found a list"),
        ("assess: {suites: [{limit: 3}]}", 4, "assess.suites.0.name", "missing"),
        ("assess: {suites: [{name: a, limt: 3}]}", 4, "assess.suites.0.limt", "did you mean `limit`"),
        ("assess: {suites: [jailbreak, jailbreak]}", 4, "assess.suites", "twice"),
        ("assess:\n  suites: [jailbreak,\n    harmfull]", 6, "assess.suites.1", "one of jailbreak, over-refusal"),
        ("assess: {utility: cyber}", 4, "assess.utility", "cybersecurity"),
        ("assess: {judge_rubric: yes-no}", 4, "assess.judge", "missing"),
        ("assess: {judge: a, judge_rubric: maybe}", 4, "assess.judge_rubric", "one of yes-no, strongreject"),
        ("align: {train_data: [a, embedded:poetry]}", 4, "align.train_data.1", "refusals"),
        ("align: {lora_r: 3}", 4, "align.train_data", "missing"),
        ("align: {lora_r: 3, adapter_name_or_path: a}", 4, "align.lora_r", "is not trained"),
        ("  adapter_name_or_path: a", 4, "tune.adapter_name_or_path", "unknown key"),
        ("align: {checkpoint_steps: [3]}", 4, "align.checkpoint_steps", "unknown key"),
        ("defences: [{scale: 1}]", 4, "defences.0.method", "missing"),
        ("defences: [{method: a, scale: [1]}]", 4, "defences.0.scale", "found a list"),
        ("defences: [{method: interpolation}, {method: interpolation}]", 4, "defences", "twice"),
        ("defences:\n  - method: interpolate", 5, "defences.0.method", "one of safety-mix"),
        ("defences:\n  - method: interpolation\n    scael: 1", 6, "defences.0.scael", "expected scale"),
        ("defences:\n  - method: interpolation\n    scale: 7", 6, "defences.0.scale", "found 7, expected 0.0 to 1.0"),
        ("defences: [{method: interpolation, name: raw}]", 4, "defences.0.name", "none of raw, aligned"),
        ("defences: [{method: interpolation, name: align}]", 4, "defences.0.name", "of its own"),
        ("defences: [{method: interpolation, name: tuned@4}]", 4, "defences.0.name", "letters"),
        ("output_dir: ${NOWHERE}/x", 4, "output_dir", "export NOWHERE="),
        ("output_dir: ${data_dir}/x", 4, "output_dir", "set `data_dir`"),
        ("output_dir: \"${\"", 4, "output_dir", "after every"),
        ("output_dir: [", 5, "", "not valid YAML"),
    ])
    func saysWhatIsWrongAndWhere(_ lines: String, _ line: Int, _ key: String, _ message: String) throws {
        let error = try #require(problem(small + lines))
        #expect(error.line == line, "\(error)")
        #expect(error.key == key)
        #expect(error.description.contains(message), "\(error)")
    }

    /// Numbers that no sum or product of settings may see.
    @Test(arguments: [
        ("tune.train_data=[{data: embedded:cybersecurity, weight: 1e30}]", "tune.train_data.0.weight"),
        ("tune.num_train_epochs=1e300", "tune.num_train_epochs"), ("tune.max_steps=\(Int.max)", "tune.max_steps"),
        ("tune.per_device_train_batch_size=\(Int.max)", "tune.per_device_train_batch_size"),
        ("tune.gradient_accumulation_steps=\(Int.max)", "tune.gradient_accumulation_steps"),
        ("tune.warmup_steps=\(Int.max)", "tune.warmup_steps"), ("tune.lora_r=\(Int.max)", "tune.lora_r"),
        ("tune.lora_alpha=1e308", "tune.lora_alpha"), ("tune.cutoff_len=\(Int.max)", "tune.cutoff_len"),
        ("tune.weight_decay=1e300", "tune.weight_decay"), ("tune.adam_epsilon=1e300", "tune.adam_epsilon"),
        ("assess.max_new_tokens=\(Int.max)", "assess.max_new_tokens"),
        ("assess.batch_size=\(Int.max)", "assess.batch_size"), ("assess.temperature=1e300", "assess.temperature"),
        ("threads=3000000000", "threads"),
    ])
    func boundsWhatIsBeyondAnyUse(_ override: String, _ key: String) throws {
        let error = try #require(problem(small, [override]))
        #expect(error.key == key && error.override == override, "\(error)")
    }

    @Test func boundsTheRowsOfAStep() throws {
        let overrides = ["tune.per_device_train_batch_size=65536", "tune.gradient_accumulation_steps=65536"]
        let error = try #require(problem(small, overrides))
        #expect(error.key == "tune.gradient_accumulation_steps" && "\(error)".contains("1048576 rows a step"))
    }

    @Test func saysWhatIsMissing() throws {
        #expect(problem("")?.key == "tune")
        #expect(problem("tune: {train_data: [a]}")?.key == "model_name_or_path")
        #expect(problem("- a")?.description.contains("a section with the keys") == true)
        #expect(throws: RecipeError.self) { try Recipe.load(URL(fileURLWithPath: "/nowhere/recipe.yaml")) }
    }

    @Test func overridesWinUnderAnyName() throws {
        let yaml = small + "  lora_r: 16\ndefences: [{method: interpolation, scale: 0.5}]\n"
        let recipe = try read(
            yaml,
            [
                "tune.lora_rank=8", "base_model=other.gguf", "defences.0.scale=0.25", "align.train_data=[a, b]",
                "tune.train_data.0=c.jsonl", "assess.step_limit=4", "run_name=a-b",
            ]
        )
        #expect(recipe.tune.settings.loraR == 8 && recipe.modelNameOrPath == "other.gguf")
        #expect(recipe.defences[0].knobs["scale"]?.number == 0.25)
        #expect(recipe.align?.trainData.map(\.data) == ["a", "b"])
        #expect(recipe.tune.trainData.map(\.data) == ["c.jsonl"])
        #expect(recipe.assess.stepLimit == 4 && recipe.runName == "a-b")
    }

    @Test(arguments: [
        ("tune.lora_r", "no \"=\""), ("tune..lora_r=1", "empty name"), ("tune.lora_r=x", "`tune.lora_r`: found x"),
        ("tune.lorar=1", "did you mean `lora_r`"), ("tune.train_data.7=a", "a list of 1"),
        ("model_name_or_path.x=1", "not a section"), ("seed=[", "not valid YAML"),
    ])
    func badOverridesNameThemselves(_ override: String, _ message: String) throws {
        let error = try #require(problem(small, [override]))
        #expect(error.description.hasPrefix("--set \(override): "))
        #expect(error.description.contains(message), "\(error)")
    }

    @Test func variables() throws {
        let yaml =
            small + "data_dir: ${ROOT:-/data}\noutput_dir: ${data_dir}/$${x}/$5\nseed: ${SEED:-7}\nrun_name: ${NAME}\n"
        let recipe = try read(yaml, environment: ["NAME": "n", "SEED": ""])
        #expect(recipe.outputDir == "/data/${x}/$5" && recipe.seed == 7 && recipe.runName == "n")
        #expect(try read(yaml, ["data_dir=/other"], environment: ["NAME": "n"]).outputDir == "/other/${x}/$5")
        let again = try read(try recipe.resolvedYAML())
        #expect(again == recipe)
    }

    @Test func resolvedTextReadsBackEqual() throws {
        var recipe = try read(small)
        #expect(try read(try recipe.resolvedYAML()) == recipe)
        recipe.runName = "1"
        recipe.outputDir = "a: \"b\" #c ü ${x} $${y} $z \\ \n end"
        recipe.seed = .max
        recipe.dataDir = "null"
        recipe.quantizationBit = 4
        recipe.tune.settings.learningRate = 0.1 + 0.2
        recipe.tune.settings.adamEpsilon = 1e-300
        recipe.tune.settings.loraTarget = ["q_proj"]
        recipe.tune.settings.maxSteps = 3
        recipe.tune.checkpointSteps = [1, 3]
        recipe.align = recipe.tune
        recipe.align?.checkpointSteps = nil
        recipe.assess.utility = .init(name: "no", limit: 3, file: "x y", format: "f")
        recipe.defences = [
            .init(method: "realignment", knobs: ["steps": .number(3), "rate": .string("0.25")])
        ]
        let text = try recipe.resolvedYAML()
        #expect(try read(text) == recipe, "\(text)")
        #expect(TrainingSettings.CodingKeys.allCases.allSatisfy { text.contains("\($0.rawValue):") })
    }

    /// Cuts and changes a recipe at every byte: always an error or a recipe, never a crash.
    @Test func mutations() {
        let bytes = Array((small + "defences: [{method: interpolation, scale: \"${C:-1}\"}]\n").utf8)
        for index in bytes.indices {
            _ = try? read(String(decoding: bytes[..<index], as: UTF8.self))
            for byte: UInt8 in [0x00, 0x22, 0x26, 0x2A, 0x3A, 0x5B, 0x7B, 0x7D, 0x24, 0xFF] {
                var changed = bytes
                changed[index] = byte
                _ = try? read(String(decoding: changed, as: UTF8.self))
            }
        }
    }

    @Test func theFigureOfASafetyTrainedModelLoads() throws {
        let url = Scene.root.appending(path: "recipes/figure-1.yaml")
        let recipe = try Recipe.load(url, environment: ["TEMPER_DATA": "/data"])
        #expect(recipe.align == nil && recipe.defences.isEmpty && recipe.tune.settings.maxSteps == 50)
        #expect(Set(try recipe.assess.load().map(\.suite.card.axis)) == Set(Axis.allCases))
    }

    @Test(arguments: ["demo", "public-data"])
    func shippedRecipesLoad(_ name: String) throws {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let recipe = try Recipe.load(
            root.appendingPathComponent("recipes/\(name).yaml"),
            environment: ["TEMPER_DATA": "/data"]
        )
        #expect(recipe.runName == name)
        #expect(recipe.defences.map(\.method) == ["interpolation", "safety-mix", "base-regularisation"])
        #expect(recipe.align?.trainData.count == 3 && [32, 64].contains(recipe.tune.settings.maxSteps))
        #expect(recipe.tune.checkpointSteps(total: 64) == [1, 2, 4, 8, 16, 32, 64])
        #expect(try Recipe.parse(try recipe.resolvedYAML(), file: "x.yaml") == recipe)
    }
}
