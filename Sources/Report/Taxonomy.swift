/// What an axis is called in the public taxonomies of risk, each with its version, for the formats that carry them.
enum Taxonomy {
    /// Tags such as `owasp-llm-2025:LLM01`, by the axis that a key of the report begins with.
    static func tags(_ key: String) -> [String] {
        entry(key)?.tags ?? []
    }

    /// AVID's name for the effect (taxonomy 0.2).
    static func sep(_ key: String) -> (domain: String, view: String)? {
        entry(key).map { ($0.domain, $0.view) }
    }

    private struct Entry {
        var axis: String
        var tags: [String]
        var domain: String
        var view: String
    }

    private static func entry(_ key: String) -> Entry? {
        all.first { key == $0.axis || key.hasPrefix($0.axis + "-") }
    }

    private static let all = [
        Entry(
            axis: Axis.jailbreak,
            tags: ["owasp-llm-2025:LLM01", "mitre-atlas-5.6.0:AML.T0054", "nist-ai-rmf-1.0:MEASURE-2.7"],
            domain: "Security",
            view: "S0403: Adversarial Example"
        ),
        Entry(
            axis: "injection",
            tags: ["owasp-llm-2025:LLM01", "mitre-atlas-5.6.0:AML.T0051", "nist-ai-rmf-1.0:MEASURE-2.7"],
            domain: "Security",
            view: "S0403: Adversarial Example"
        ),
        Entry(
            axis: "privacy",
            tags: ["owasp-llm-2025:LLM02", "mitre-atlas-5.6.0:AML.T0057", "nist-ai-rmf-1.0:MEASURE-2.10"],
            domain: "Security",
            view: "S0301: Information Leak"
        ),
        Entry(
            axis: "bias",
            tags: ["nist-ai-rmf-1.0:MEASURE-2.11"],
            domain: "Ethics",
            view: "E0101: Group fairness"
        ),
        Entry(
            axis: "toxicity",
            tags: ["nist-ai-rmf-1.0:MEASURE-2.6"],
            domain: "Ethics",
            view: "E0301: Toxicity"
        ),
        Entry(
            axis: "hallucination",
            tags: ["owasp-llm-2025:LLM09", "mitre-atlas-5.6.0:AML.T0062", "nist-ai-rmf-1.0:MEASURE-2.5"],
            domain: "Ethics",
            view: "E0402: Generative Misinformation"
        ),
        Entry(
            axis: Axis.overRefusal,
            tags: ["nist-ai-rmf-1.0:MEASURE-2.3"],
            domain: "Performance",
            view: "P0204: Accuracy"
        ),
        Entry(
            axis: Axis.utility,
            tags: ["nist-ai-rmf-1.0:MEASURE-2.3"],
            domain: "Performance",
            view: "P0204: Accuracy"
        ),
    ]
}
