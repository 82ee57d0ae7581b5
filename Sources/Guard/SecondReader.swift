public import Foundation
public import TemperRisk

/// A second reader of texts that a quick classifier does not let pass: heads on a sentence encoder's vectors.
///
/// Knows nothing about how vectors are made: that is behind `TextEmbedding`. Idea: a cascade (Viola and Jones 2001), in
/// which a stage that takes microseconds lets most texts pass. For what it does not let pass the two stages' logits are
/// added, with weights that were fitted on rows that trained neither (stacking, Wolpert 1992).
public struct SecondReader: Sendable {
    /// One label's head.
    public struct Head: Codable, Sendable, Hashable {
        /// The label: the name of the classifier that reads first.
        public var label: String
        /// One weight for each number of a vector of length 1.
        public var weights: [Float]
        /// What is added to their sum.
        public var bias: Double
        /// The weight of the first reader's logit.
        public var firstSlope: Double
        /// The weight of the head's.
        public var secondSlope: Double
        /// What is added to both.
        public var offset: Double
        /// The first reader's probability from which the second is asked.
        public var low: Double
        /// The probability from which a text counts as found.
        public var threshold: Double
        /// What it was trained on, in words.
        public var trainingData: String
        /// What was measured, a line each.
        public var measured: [String]

        /// The head's own logit.
        func logit(_ vector: [Float]) -> Double {
            precondition(vector.count == weights.count, "the heads belong to the encoder that made the vectors")
            return Double(zip(weights, vector).reduce(Float(0)) { $0 + $1.0 * $1.1 }) + bias
        }

        /// The probability of a text that both have read.
        func probability(first: Double, vector: [Float]) -> Double {
            let logit = firstSlope * Self.logit(first) + secondSlope * logit(vector) + offset
            return 1 / (1 + exp(-logit))
        }

        /// Whether the numbers can be a head's: each finite, and the two probabilities within 0 to 1.
        var isSound: Bool {
            [bias, firstSlope, secondSlope, offset].allSatisfy(\.isFinite) && weights.allSatisfy(\.isFinite)
                && (0...1).contains(low) && (0...1).contains(threshold)
        }

        /// The logit of a probability, bounded, since a quick classifier is never that sure.
        static func logit(_ probability: Double) -> Double {
            let bounded = min(max(probability, 1e-4), 1 - 1e-4)
            return log(bounded / (1 - bounded))
        }
    }

    /// The heads as a file.
    public struct Heads: Codable, Sendable, Hashable {
        /// 1 had an upper end too, above which the second was not asked.
        var schema = Self.current
        private static let current = 2
        /// The SHA-256 of the encoder's weights that the heads belong to.
        public var encoder: String
        /// The SHA-256 of the adapter's weights on it; nil for the encoder as it came.
        public var adapter: String?
        /// The heads.
        public var heads: [Head]

        /// Heads of an encoder.
        public init(encoder: String, adapter: String? = nil, heads: [Head] = []) {
            self.encoder = encoder
            self.adapter = adapter
            self.heads = heads
        }

        /// Reads a file of heads.
        ///
        /// - Throws: `RiskError.unreadable`, also where the file is of another version or its numbers are no head's.
        public init(contentsOf url: URL) throws {
            let remedy = "make it with `temper guard train LABEL --encoder FOLDER --reader FOLDER --data FOLDER`"
            let read: Self
            do {
                read = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
            } catch {
                throw RiskError.unreadable(file: url.path, reason: remedy)
            }
            guard read.schema == Self.current else {
                throw RiskError.unreadable(
                    file: url.path,
                    reason: "its schema is \(read.schema), where \(Self.current) is known; remove it and \(remedy)"
                )
            }
            guard Set(read.heads.map(\.label)).count == read.heads.count, read.heads.allSatisfy(\.isSound) else {
                throw RiskError.unreadable(file: url.path, reason: "it is damaged; remove it and \(remedy)")
            }
            self = read
        }

        /// The file's bytes: sorted keys, so that the same heads are the same bytes.
        public func encoded() throws -> Data {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return try encoder.encode(self)
        }
    }

    /// The folder that the package carries: an adapter of all-MiniLM-L6-v2, and heads on what it makes of texts.
    public static var carried: URL {
        Bundle.module.bundleURL.appendingPathComponent("Resources/reader", isDirectory: true)
    }

    /// The most stretches of one text that are read a second time, the worst first.
    static let mostStretches = 32

    let heads: [Head]
    let embedding: any TextEmbedding

    /// Joins heads with what makes their vectors.
    public init(_ heads: [Head], embedding: any TextEmbedding) {
        self.heads = heads
        self.embedding = embedding
    }

    func head(for classifier: GuardClassifier) -> Head? { heads.first { $0.label == classifier.rawValue } }
}

extension GuardClassifier {
    /// The probability of the worst stretch of a text: the quick classifier's, or both readers' where that is not low.
    ///
    /// Where there are too many stretches to read them all again, the quick classifier's worst counts, too: otherwise a
    /// text could hide behind its length, or behind others that only look bad.
    ///
    /// - Throws: `GuardError.needs` where the vectors are not one for each stretch, whole and of finite numbers; what
    ///   making them throws.
    package func score(of text: String, with reader: SecondReader?) async throws -> Double {
        let classifier = try load()
        guard let reader, let head = reader.head(for: self) else { return score(of: text, by: classifier) }
        let stretches = stretches(of: text, by: classifier)
        // The worst first, like all of them.
        let suspects = stretches.prefix { $0.probability >= head.low }
        guard !suspects.isEmpty else { return stretches.first?.probability ?? 0 }
        let read = suspects.prefix(SecondReader.mostStretches)
        let vectors = try await reader.embedding.vectors(of: read.map(\.text))
        let width = head.weights.count
        let needs = GuardError.needs("an encoder that gives \(width) finite numbers for each text", rail: rawValue)
        guard vectors.count == read.count,
            vectors.allSatisfy({ $0.count == width && $0.allSatisfy(\.isFinite) })
        else { throw needs }
        let passed = stretches.dropFirst(suspects.count).first?.probability ?? 0
        var worst = read.count < suspects.count ? suspects[0].probability : passed
        for (stretch, vector) in zip(read, vectors) {
            let probability = head.probability(first: stretch.probability, vector: vector)
            guard probability.isFinite else { throw needs }
            worst = max(worst, probability)
        }
        return worst
    }

    /// The stretches in which a text is read, as it stands and with its disguises off, the worst first.
    func stretches(of text: String, by classifier: LinearTextClassifier) -> [(text: String, probability: Double)] {
        let plain = TextNormaliser.plain(text)
        return [plain, TextNormaliser.unleeted(plain)].compactMap { $0 }.flatMap { reading in
            classifier.stretches(of: reading, length: stretch).map { ($0, classifier.probability(of: $0)) }
        }.sorted { $0.1 > $1.1 }
    }
}
