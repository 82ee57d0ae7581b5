/// Finds text that gives a model orders against its own: from a user, or inside what a program retrieved.
///
/// Knows nothing about what the orders ask for. A linear classifier (`GuardClassifier`) reads the text with its disguises
/// off, in stretches of forty words, so that one planted sentence on a long page counts whole.
public struct InjectionRail: Rail {
    private let reader: SecondReader?

    /// Creates the rail; `reader` is asked about what the classifier does not let pass.
    public init(reader: SecondReader? = nil) { self.reader = reader }

    /// What the rail is, with its measured error.
    public var card: RailCard {
        let head = reader?.head(for: .injection)
        return RailCard(
            name: "injection",
            looksFor: "orders to set instructions aside, to play an unbound role, or to give the prompt away",
            labels: ["injection"],
            stages: [.input, .retrieved],
            threshold: head?.threshold ?? 0.2,
            measured: head?.measured ?? GuardMeasurement.lines(of: .injection),
            limits: [
                "An order that sounds like part of the page, without any of the usual words, passes.",
                "English, with a little German, Spanish, French and Italian.",
                "The public test set has 67 rows: its rates are rough.",
            ]
        )
    }

    /// The probability that the worst stretch is an injection.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let score = try await GuardClassifier.injection.score(of: passage.text, with: reader)
        return [Finding("injection", score: score, reason: "a classifier's probability")]
    }
}
