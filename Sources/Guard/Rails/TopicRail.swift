public import TemperRisk

/// Keeps a conversation to its subject by examples: like what is allowed, and unlike what is not.
///
/// Knows nothing about meaning beyond what its embedding knows. The likeness of two texts is the cosine of their vectors;
/// without an embedding of the user's, vectors are counts of words and pieces of words (hashed, Weinberger et al. 2009,
/// arXiv 0902.2206), which know spelling only.
public struct TopicRail: Rail {
    private let allowed: [String]
    private let disallowed: [String]
    private let leastLikeness: Double
    private let embedding: any TextEmbedding

    /// Compares with examples.
    ///
    /// - Parameters:
    ///   - allowed: what the model is for; empty allows every subject.
    ///   - disallowed: what it is not to talk about.
    ///   - leastLikeness: a text less like every allowed example than this is off topic.
    public init(
        allowed: [String],
        disallowed: [String],
        leastLikeness: Double = 0.1,
        embedding: any TextEmbedding = HashedTextEmbedding()
    ) {
        self.allowed = allowed
        self.disallowed = disallowed
        self.leastLikeness = leastLikeness
        self.embedding = embedding
    }

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "topic",
            looksFor:
                "texts like one of \(disallowed.count) disallowed examples, or unlike all of \(allowed.count) allowed",
            labels: ["disallowed", "off-topic"],
            limits: [
                "Not measured: it depends on the examples. Try it with `temper guard check`.",
                "Without an embedding it compares spelling: give many examples in the words that people use.",
            ]
        )
    }

    /// How like the nearest disallowed example the text is, and whether it is unlike all allowed ones.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let texts = [passage.text] + allowed + disallowed
        let vectors = try await embedding.vectors(of: texts.map(TextNormaliser.plain))
        guard vectors.count == texts.count else { throw GuardError.needs("an embedding of every text", rail: "topic") }
        func nearest(_ others: ArraySlice<[Float]>) -> Double { others.map { cosine(vectors[0], $0) }.max() ?? 0 }
        var findings: [Finding] = []
        if !disallowed.isEmpty {
            findings.append(Finding("disallowed", score: max(0, nearest(vectors[(1 + allowed.count)...]))))
        }
        if !allowed.isEmpty, nearest(vectors[1..<(1 + allowed.count)]) < leastLikeness {
            findings.append(Finding("off-topic", reason: "unlike every allowed example"))
        }
        return findings
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Double {
        let (dot, x, y) = zip(a, b).reduce((0, 0, 0)) { ($0.0 + $1.0 * $1.1, $0.1 + $1.0 * $1.0, $0.2 + $1.1 * $1.1) }
        return x > 0 && y > 0 ? Double(dot / (x * y).squareRoot()) : 0
    }
}

/// Counts of content words and their pieces of four letters, in 1024 buckets.
public struct HashedTextEmbedding: TextEmbedding {
    private static let size = 1024

    /// Creates the embedding.
    public init() {}

    /// One vector for each text.
    public func vectors(of texts: [String]) async throws -> [[Float]] {
        texts.map { text in
            var vector = [Float](repeating: 0, count: Self.size)
            for word in ContentWords.of(text) {
                let bytes = Array(word.utf8)
                vector[Self.bucket(bytes[...])] += 1
                guard bytes.count > 4 else { continue }
                for start in 0...(bytes.count - 4) { vector[Self.bucket(bytes[start..<start + 4])] += 0.25 }
            }
            return vector
        }
    }

    /// FNV-1a.
    private static func bucket(_ bytes: ArraySlice<UInt8>) -> Int {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return Int((hash ^ hash >> 32) % UInt64(size))
    }
}
