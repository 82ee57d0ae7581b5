package import Foundation
package import TemperRisk

/// The classifiers that the guard carries: how each is made again from public data, read, and used.
///
/// Knows nothing about the command line. Settings and thresholds were chosen on development rows; test rows are only read
/// to measure. The same data always gives the same bytes.
package enum GuardClassifier: String, CaseIterable, Sendable {
    /// Behind `JailbreakRail`.
    case jailbreak
    /// Behind `InjectionRail`.
    case injection

    /// The words of a stretch in which a long text is read.
    var stretch: Int { 40 }

    /// All rows of all parts.
    package func rows(in folder: URL, and alignment: AlignmentPrompts) throws -> [GuardRow] {
        switch self {
        case .jailbreak: try GuardRows.jailbreak(in: folder, and: alignment)
        case .injection: try GuardRows.injection(in: folder, and: alignment)
        }
    }

    /// Trains the classifier.
    package func train(in folder: URL, and alignment: AlignmentPrompts) throws -> LinearTextClassifier {
        let rows = try rows(in: folder, and: alignment)
        func examples(_ part: LabelledRow.Part) -> [LinearTextClassifier.Example] {
            rows.filter { $0.part == part }.map { row in
                LinearTextClassifier.Example(
                    TextNormaliser.plain(row.text),
                    labels: row.isHit ? [0] : [],
                    weight: weight(of: row)
                )
            }
        }
        var classifier = try LinearTextClassifier.train(
            examples(.train),
            labels: [rawValue],
            calibration: examples(.development),
            trainingData: trainingData,
            settings: settings
        )
        let development = rows.filter { $0.part == .development }
        classifier.outputs[0].threshold = threshold(of: development.map { ($0, score(of: $0.text, by: classifier)) })
        return classifier
    }

    private var settings: LinearTextClassifier.Training {
        switch self {
        case .jailbreak: LinearTextClassifier.Training(bits: 18, l2: 1e-5, iterations: 80)
        case .injection: LinearTextClassifier.Training(bits: 18, l2: 3e-6, iterations: 80)
        }
    }

    /// Short requests of our own count more than comments, of which there are many and which are no requests.
    func weight(of row: GuardRow) -> Double {
        switch (self, row.source) {
        case (.jailbreak, "alignment"), (.jailbreak, "own harmless"), (.jailbreak, "own harmful"),
            (.jailbreak, "contrasts"):
            3
        case (.jailbreak, "moderation"): 0.1
        case (.injection, "own injections"): 0.5
        case (.injection, "prompt injections"), (.injection, "own harmless"): 3
        default: 1
        }
    }

    var trainingData: String {
        switch self {
        case .jailbreak:
            "AdvBench, the moderation set of Markov et al. 2022, OpenAssistant's and Self-Instruct's requests and test "
                + "questions, seven tenths of each by hash; Temper's alignment sets and own short requests"
        case .injection:
            "a public set of prompt injections, its training rows; half of 14 role plays; injections and tasks about texts "
                + "put together from Temper's phrases; requests and answers of OpenAssistant, seven tenths by hash; Temper's alignment sets"
        }
    }

    /// The lowest threshold at which few harmless development rows are found: 1 or 2 % of people's requests, 4 % of others. A
    /// harmless comment of the moderation set is no request, and the alignment sets' twins were written to be hard.
    ///
    /// - Parameter twins: The share of the alignment sets' harmless rows that may be found by `jailbreak`.
    func threshold(of rows: [(row: GuardRow, score: Double)], twins: Double = 0.1) -> Double {
        let harmless = Dictionary(grouping: rows.filter { !$0.row.isHit }, by: \.row.source)
        func limit(_ source: String) -> Double {
            switch (self, source) {
            case (.jailbreak, "instructions"), (.jailbreak, "questions"): 0.02
            case (.jailbreak, "alignment"): twins
            case (.jailbreak, "moderation"): 0.25
            case (_, "instructions"), (_, "questions"): 0.01
            // Written to be hard, as the twins were.
            case (.injection, "text tasks"), (.injection, "own harmless"): 0.2
            default: 0.04
            }
        }
        let grid = (2..<100).map { Double($0) / 100 }
        let scores = harmless.mapValues { rows in rows.map(\.score) }
        return grid.first { threshold in
            scores.allSatisfy { source, scores in
                Double(scores.count { $0 >= threshold }) <= limit(source) * Double(scores.count)
            }
        } ?? 0.99
    }

    /// The probability of the worst stretch of a text, as it stands and with its disguises off.
    package func score(of text: String, by classifier: LinearTextClassifier) -> Double {
        let plain = TextNormaliser.plain(text)
        let score = classifier.highestProbability(in: plain, stretch: stretch)
        guard let letters = TextNormaliser.unleeted(plain) else { return score }
        return max(score, classifier.highestProbability(in: letters, stretch: stretch))
    }

    /// The classifier that the package carries, read once.
    package func load() throws -> LinearTextClassifier { try Self.stored[self]?.get() ?? Self.read(self) }

    private static let stored = Dictionary(
        uniqueKeysWithValues: allCases.map { name in (name, Result { try read(name) }) }
    )

    private static func read(_ name: Self) throws -> LinearTextClassifier {
        let file = "Resources/\(name.rawValue)"
        guard let url = Bundle.module.url(forResource: file, withExtension: "classifier") else {
            throw RiskError.unreadable(
                file: "\(file).classifier",
                reason: "it is not in the package's resources; build the package again"
            )
        }
        return try LinearTextClassifier(contentsOf: url)
    }
}
