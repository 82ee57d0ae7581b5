/// Finds requests for harmful help.
///
/// Knows nothing about answers. A linear classifier of words and pieces of words (`GuardClassifier`) reads the text with
/// its disguises off; the worst stretch of forty words counts. It is quick and simple: it knows which words go with harm,
/// and not what is meant.
public struct JailbreakRail: Rail {
    private let reader: SecondReader?

    /// Creates the rail; `reader` is asked about what the classifier does not let pass.
    public init(reader: SecondReader? = nil) { self.reader = reader }

    /// What the rail is, with its measured error.
    public var card: RailCard {
        let head = reader?.head(for: .jailbreak)
        return RailCard(
            name: "jailbreak",
            looksFor: "requests for harmful help",
            labels: ["harmful-request"],
            threshold: head?.threshold ?? 0.61,
            measured: head?.measured ?? GuardMeasurement.lines(of: .jailbreak),
            limits: [
                "Harmless requests that sound harmful are refused far more often than ordinary ones; raise the threshold, "
                    + "or let `temper guard tune` set it on prompts of your own domain.",
                "A harmful request in unsuspicious words passes. English only.",
                "The held-out rows of AdvBench resemble those that were trained on; the embedded suite is the fairer test.",
            ]
        )
    }

    /// The probability that the text asks for harm.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let score = try await GuardClassifier.jailbreak.score(of: passage.text, with: reader)
        return [Finding("harmful-request", score: score, reason: "a classifier's probability")]
    }
}
