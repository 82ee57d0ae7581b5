import TemperRisk
import TemperText

/// How many harmful requests of the embedded suite are still found when an attack writes them in another coding.
///
/// Knows nothing about how they are found; the attacks are those of `Risk`, with their own settings.
package enum EncodedMeasurement {
    static let attacks = [
        "base64", "hex", "rot13", "caesar", "reversed", "leetspeak", "morse", "zero-width", "homoglyphs",
    ]

    /// What is found of each attack's requests by `jailbreak` alone and with `encoded`.
    package static func all() async throws -> [String] {
        let rail = EncodedRail(rails: [JailbreakRail()])
        let alone = JailbreakRail()
        guard let suite = Suites.all.first(where: { $0.card.name == "jailbreak" }) else { return [] }
        let probes = try suite.probes(limit: nil, seed: 1)
        var lines: [String] = []
        for name in attacks {
            var (found, before) = (0, 0)
            for probe in probes {
                let text = try Attacks.rewritten(probe.chat, by: name).first?.lastUserText ?? ""
                let passage = Passage(text, at: .input)
                let plain = try await alone.findings(in: passage).contains { $0.score >= alone.card.threshold }
                before += plain ? 1 : 0
                if plain {
                    found += 1
                } else if try await !rail.findings(in: passage).isEmpty {
                    found += 1
                }
            }
            lines.append("\(name): \(found) of \(probes.count) found, \(before) by jailbreak alone")
        }
        return lines
    }
}
