/// Decodes what is hidden in another coding and asks other rails about it.
///
/// Knows nothing about what those rails look for. Base64, hexadecimal, percent and Morse code, rot13, reversed text and
/// digits for letters. An encoded text that none of the rails minds is no finding.
public struct EncodedRail: Rail {
    private let rails: [any Rail]

    /// Asks `rails` about every decoded text; their own thresholds count.
    public init(rails: [any Rail]) {
        self.rails = rails
    }

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "encoded",
            looksFor: "encoded text that, once decoded, one of these rails minds: "
                + rails.map(\.card.name).joined(separator: ", "),
            labels: ["encoded"],
            measured: Self.measured,
            limits: [
                "One layer of coding at a time; a cipher with a key is not read.",
                "What the other rails miss in plain text they miss here as well.",
            ]
        )
    }

    /// The harmful requests of the jailbreak suite that are found, by the attack that disguises them; a test counts again.
    static let measured = [
        "base64: 157 of 204 found, 0 by jailbreak alone", "hex: 157 of 204 found, 0 by jailbreak alone",
        "rot13: 157 of 204 found, 0 by jailbreak alone", "caesar: 157 of 204 found, 0 by jailbreak alone",
        "reversed: 154 of 204 found, 0 by jailbreak alone", "leetspeak: 157 of 204 found, 0 by jailbreak alone",
        "morse: 158 of 204 found, 0 by jailbreak alone", "zero-width: 157 of 204 found, 157 by jailbreak alone",
        "homoglyphs: 157 of 204 found, 157 by jailbreak alone",
    ]

    /// What the other rails find in the decoded text.
    public func findings(in passage: Passage) async throws -> [Finding] {
        var findings: [Finding] = []
        for decoded in Decoding.all(of: passage.text) {
            var hidden = passage
            hidden.text = decoded.text
            for rail in rails where rail.card.stages.contains(passage.stage) {
                let card = rail.card
                let found = try await rail.findings(in: hidden).filter { $0.score >= card.threshold }
                guard let worst = found.max(by: { $0.score < $1.score }) else { continue }
                findings.append(
                    Finding(
                        "encoded",
                        score: 1,
                        range: decoded.range,
                        replacement: decoded.range == nil ? nil : "[ENCODED]",
                        reason: "\(decoded.coding) text in which '\(card.name)' finds \(worst.label)"
                    )
                )
            }
        }
        return findings
    }
}
