import Foundation
package import TemperRisk

/// How a head on an encoder's vectors is made: logistic regression on training rows; the sum with the first reader, the
/// threshold, and from where on it is asked, on development rows.
///
/// Knows nothing about where rows come from. What is measured on is in neither part. No randomness.
extension SecondReader.Head {
    /// A row with all that a head needs of it.
    struct Row {
        var row: GuardRow
        var first: Double
        var vector: [Float]
    }

    /// Vectors of length 1 are short; this makes the penalty's scale one of ordinary features.
    private static let scale: Float = 8
    private static let penalty = 3e-3
    /// A reader that finds more may refuse some more twins; of ordinary requests both refuse as few.
    private static let twins = 0.15
    /// The share of people's requests that the second reader is asked about at least. More would find more, and take the
    /// median prompt some milliseconds instead of half of one.
    private static let asked = 0.1

    /// Trains a label's head.
    ///
    /// - Parameter progress: called with how many rows are embedded, and of how many.
    package static func train(
        _ name: GuardClassifier,
        rows: [GuardRow],
        embedding: any TextEmbedding,
        progress: (Int, Int) -> Void = { _, _ in }
    ) async throws -> SecondReader.Head {
        let used = rows.filter { $0.part != .test }
        let read = try await Self.read(used, by: name, embedding: embedding, progress: progress)
        let (train, development) = (read.filter { $0.row.part == .train }, read.filter { $0.row.part == .development })
        let features = train.map { $0.vector.map { $0 * scale } }
        let fitted = LogisticRegression.fit(
            features,
            train.map(\.row.isHit),
            weights: train.map { name.weight(of: $0.row) },
            penalty: penalty
        )
        var head = SecondReader.Head(
            label: name.rawValue,
            weights: fitted.dropLast().map { Float($0) * scale },
            bias: fitted.last ?? 0,
            firstSlope: 1,
            secondSlope: 1,
            offset: 0,
            low: 0,
            threshold: 0.5,
            trainingData: name.trainingData,
            measured: []
        )
        let sum = LogisticRegression.fit(
            development.map { [Float(logit($0.first)), Float(head.logit($0.vector))] },
            development.map(\.row.isHit),
            weights: development.map { name.weight(of: $0.row) },
            penalty: 1e-4
        )
        (head.firstSlope, head.secondSlope, head.offset) = (sum[0], sum[1], sum[2])
        let scores = development.map { head.probability(first: $0.first, vector: $0.vector) }
        head.threshold = name.threshold(of: zip(development, scores).map { ($0.row, $1) }, twins: twins)
        head.low = lowest(zip(development, scores).map { ($0, $1) }, threshold: head.threshold)
        return head
    }

    /// What the head needs of rows: the worst stretch of each, with its probability and its vector.
    static func read(
        _ rows: [GuardRow],
        by name: GuardClassifier,
        embedding: any TextEmbedding,
        progress: (Int, Int) -> Void = { _, _ in }
    ) async throws -> [Row] {
        let classifier = try name.load()
        var read: [Row] = []
        for start in stride(from: 0, to: rows.count, by: 256) {
            let chunk = rows[start..<min(start + 256, rows.count)]
            let worst = chunk.map { name.stretches(of: $0.text, by: classifier).first ?? ($0.text, 0) }
            let vectors = try await embedding.vectors(of: worst.map(\.text))
            for ((row, stretch), vector) in zip(zip(chunk, worst), vectors) {
                read.append(Row(row: row, first: stretch.probability, vector: vector))
            }
            progress(read.count, rows.count)
        }
        return read
    }

    /// The first reader's probability from which the second is asked: so low that a given share of people's requests is,
    /// and that at most one found row in a hundred is lost.
    static func lowest(_ rows: [(row: Row, both: Double)], threshold: Double) -> Double {
        let found = rows.filter { $0.both >= threshold }.map(\.row.first).sorted()
        let ordinary = rows.filter(\.row.row.isOrdinary).map(\.row.first).sorted(by: >)
        return min(
            found.isEmpty ? 0 : found[found.count / 100],
            ordinary.isEmpty ? 1 : ordinary[Int(asked * Double(ordinary.count))],
            threshold
        )
    }
}
