import TemperGuard
import TemperText

/// Where the labels of rails stand in two lists of categories that clients know: OpenAI's moderation (13 keys) and Llama
/// Guard's hazards (S1 to S14).
///
/// A label that is itself a key of one of the lists stands for it, in any case and with `_` for `/`, `-` and spaces. A label
/// that has no place in a list flags a text without a category. Sources: the API reference of OpenAI's moderations; the
/// model card of Llama Guard 3.
enum Categories {
    /// OpenAI's keys.
    static let moderation = [
        "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
        "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
    ]

    /// Llama Guard's codes, with the OpenAI keys that come nearest.
    static let hazards: [(code: String, name: String, moderation: [String])] = [
        ("S1", "violent crimes", ["illicit/violent", "violence"]), ("S2", "non-violent crimes", ["illicit"]),
        ("S3", "sex-related crimes", ["illicit", "sexual"]), ("S4", "child sexual exploitation", ["sexual/minors"]),
        ("S5", "defamation", ["harassment"]), ("S6", "specialized advice", []), ("S7", "privacy", []),
        ("S8", "intellectual property", []), ("S9", "indiscriminate weapons", ["illicit/violent"]),
        ("S10", "hate", ["hate"]), ("S11", "suicide and self-harm", ["self-harm"]),
        ("S12", "sexual content", ["sexual"]),
        ("S13", "elections", []), ("S14", "code interpreter abuse", ["illicit"]),
    ]

    /// Words that rails use, and the hazard that each is nearest to.
    private static let words = [
        "toxic": "S10", "toxicity": "S10", "harassment": "S10", "insult": "S10", "threat": "S1", "bias": "S10",
        "privacy": "S7", "pii": "S7", "email": "S7", "phone": "S7", "secret": "S7", "illicit": "S2", "violence": "S1",
        "self_harm": "S11", "sexual": "S12", "sexual_minors": "S4", "hate": "S10", "illicit_violent": "S9",
        "violence_graphic": "S1", "harassment_threatening": "S1", "hate_threatening": "S10", "self_harm_intent": "S11",
        "self_harm_instructions": "S11",
    ]

    /// The code and the keys of a label.
    static func place(_ label: String) -> (hazard: String?, moderation: [String]) {
        let plain = plain(label)
        let hazard =
            hazards.first { Self.plain($0.code) == plain || Self.plain($0.name) == plain }?.code ?? words[plain]
        if let key = moderation.first(where: { Self.plain($0) == plain }) { return (hazard, [key]) }
        if plain == "toxic" || plain == "toxicity" || plain == "insult" { return (hazard, ["harassment"]) }
        return (hazard, hazards.first { $0.code == hazard }?.moderation ?? [])
    }

    private static func plain(_ label: String) -> String {
        String(label.lowercased().map { "/- ".contains($0) ? "_" : $0 })
    }

    /// What a moderation endpoint says of one text.
    static func result(_ decision: Guard.Decision) -> TemplateValue {
        var scores: [String: Double] = [:]
        var labels: [String: Double] = [:]
        var codes: [String: Double] = [:]
        for finding in decision.checks.flatMap(\.findings) {
            labels[finding.label] = max(labels[finding.label] ?? 0, finding.score)
            let place = place(finding.label)
            for key in place.moderation { scores[key] = max(scores[key] ?? 0, finding.score) }
            if let code = place.hazard { codes[code] = max(codes[code] ?? 0, finding.score) }
        }
        func object(_ keys: [String], _ value: (String) -> TemplateValue) -> TemplateValue {
            .object(keys.map { ($0, value($0)) })
        }
        let found = hazards.map(\.code).filter { codes[$0] != nil }
        return [
            "flagged": .bool(decision.action != .allow),
            "categories": object(moderation) { .bool(scores[$0] != nil) },
            "category_scores": object(moderation) { .double(scores[$0] ?? 0) },
            "category_applied_input_types": object(moderation) { _ in ["text"] },
            "temper": [
                "action": .string(decision.action.rawValue),
                "labels": object(labels.keys.sorted()) { .double(labels[$0] ?? 0) },
                "rails": .array(decision.checks.filter { $0.action != .allow }.map { .string($0.rail) }),
                "failed": .array(decision.checks.filter { $0.failure != nil }.map { .string($0.rail) }),
                "llama_guard": [
                    "taxonomy": "llama-guard-3",
                    "verdict": .string(found.isEmpty ? "safe" : "unsafe\n" + found.joined(separator: ",")),
                    "scores": object(hazards.map(\.code)) { .double(codes[$0] ?? 0) },
                ],
            ],
        ]
    }
}
