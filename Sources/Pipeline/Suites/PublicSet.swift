import Foundation
import TemperRisk

/// The public sets of probes that can be fetched by name: where each one's file is, what it may be used for, and its
/// hash.
///
/// Knows nothing about what is in a file; the readers of `Suites` do. A hash stands here only where the file itself was
/// hashed by whoever wrote it down. Without one, nobody can tell what a network brings, so that such a set is read from
/// a file.
public struct PublicSet: Codable, Sendable, Hashable {
    /// The name in recipes and on the command line.
    public var name: String
    /// What it asks, in a few words.
    public var title: String
    /// The reader's name.
    public var format: String
    /// Where the file is.
    public var address: String
    /// Its licence.
    public var licence: String
    /// The SHA-256 that the file must have; nil where it was never hashed.
    public var sha256: String?

    /// The set of that name.
    public static func named(_ name: String) -> PublicSet? { all.first { $0.name == name } }

    /// The file's own name, whose ending says its kind.
    var fileName: String { address.split(separator: "/").last.map(String.init) ?? name }

    /// Every set.
    public static let all: [PublicSet] = [
        set(
            "advbench",
            "harmful behaviours (Zou et al. 2023)",
            "advbench",
            github + "llm-attacks/llm-attacks/main/data/advbench/harmful_behaviors.csv",
            "MIT",
            "6cd1a5c63c07610d7eb67307772ee5606017ee950b5770ab288a2c487489d3e1"
        ),
        set(
            "advbench-subset",
            "50 of them, without repetitions (Chao et al. 2023)",
            "advbench",
            github + "patrickrchao/JailbreakingLLMs/main/data/harmful_behaviors_custom.csv",
            "MIT",
            "66af8279f7690e1b83f8edeeeef0ff5c9da099e994ef54ecc14bdaf5fa759de2"
        ),
        set(
            "xstest",
            "safe prompts that sound harmful, and harmful ones (Röttger et al. 2024)",
            "xstest",
            github + "paul-rottger/xstest/main/xstest_prompts.csv",
            "CC BY 4.0",
            "11783fb294ed017473ee53c207d71f2161c7672c8d0b037501e78387f801cb5a"
        ),
        bbq("age", "Age", "004c672b02729187253bd3db389e7be1d9feab229b4051ec99eda30c71b29a9d"),
        bbq(
            "disability-status",
            "Disability_status",
            "e47b2c34e9a3312dbeb7a6bd4c702ab7b4c13a93ac1ab679a48a0d00d5b002d0"
        ),
        bbq("gender-identity", "Gender_identity", "4f0171d8d6eca2448008711f703a56ccc50cd64e58856e1d2bdb1ae711824e47"),
        bbq("religion", "Religion", "4d4ab31368caac6e52a108d535f0149b12c40007c013ecdf7f79147a6bbf4d7c"),
        set(
            "crows-pairs",
            "stereotyping and other sentences (Nangia et al. 2020)",
            "crows-pairs",
            github + "nyu-mll/crows-pairs/master/data/crows_pairs_anonymized.csv",
            "CC BY-SA 4.0",
            "dfb36986ce0502abbaf7055b9176da3d08d48e07df1251991b5dfbcbceab9d0c"
        ),
        set(
            "harmbench",
            "harmful behaviours of several kinds (Mazeika et al. 2024)",
            "harmbench",
            github + "centerforaisafety/HarmBench/main/data/behavior_datasets/harmbench_behaviors_text_all.csv",
            "MIT"
        ),
        set(
            "jailbreakbench",
            "100 harmful behaviours (Chao et al. 2024)",
            "jailbreakbench",
            hub + "JailbreakBench/JBB-Behaviors/resolve/main/data/harmful-behaviors.csv",
            "MIT"
        ),
        set(
            "jailbreakbench-benign",
            "100 benign behaviours beside them (Chao et al. 2024)",
            "jailbreakbench",
            hub + "JailbreakBench/JBB-Behaviors/resolve/main/data/benign-behaviors.csv",
            "MIT"
        ),
        set(
            "strongreject",
            "forbidden prompts (Souly et al. 2024)",
            "strongreject",
            github + "alexandrasouly/strongreject/main/strongreject_dataset/strongreject_dataset.csv",
            "MIT"
        ),
        set(
            "or-bench-hard",
            "harmless prompts that models refuse (Cui et al. 2024)",
            "or-bench",
            hub + "bench-llm/or-bench/resolve/main/or-bench-hard-1k.csv",
            "CC BY 4.0"
        ),
        set(
            "do-not-answer",
            "questions not to answer (Wang et al. 2023)",
            "do-not-answer",
            github + "Libr-AI/do-not-answer/main/datasets/Instruction/do_not_answer_en.csv",
            "CC BY-NC-SA 4.0"
        ),
        set(
            "stereoset",
            "stereotypes in context (Nadeem et al. 2021)",
            "stereoset",
            github + "moinnadeem/StereoSet/master/data/dev.json",
            "CC BY-SA 4.0"
        ),
        set(
            "real-toxicity-prompts",
            "openings of sentences (Gehman et al. 2020)",
            "real-toxicity-prompts",
            hub + "allenai/real-toxicity-prompts/resolve/main/prompts.jsonl",
            "Apache-2.0"
        ),
        set(
            "truthfulqa",
            "questions that people answer wrongly (Lin et al. 2022)",
            "truthfulqa",
            github + "sylinrl/TruthfulQA/main/TruthfulQA.csv",
            "Apache-2.0"
        ),
        set(
            "truthfulqa-mc",
            "the same with answers to choose from (Lin et al. 2022)",
            "truthfulqa-mc",
            github + "sylinrl/TruthfulQA/main/data/mc_task.json",
            "Apache-2.0"
        ),
    ]

    private static let github = "https://raw.githubusercontent.com/"
    private static let hub = "https://huggingface.co/datasets/"

    private static func set(
        _ name: String,
        _ title: String,
        _ format: String,
        _ address: String,
        _ licence: String,
        _ sha256: String? = nil
    ) -> PublicSet {
        PublicSet(name: name, title: title, format: format, address: address, licence: licence, sha256: sha256)
    }

    private static func bbq(_ name: String, _ file: String, _ sha256: String) -> PublicSet {
        set(
            "bbq-\(name)",
            "questions about two people (Parrish et al. 2022)",
            "bbq",
            github + "nyu-mll/BBQ/main/data/\(file).jsonl",
            "CC BY 4.0",
            sha256
        )
    }
}
