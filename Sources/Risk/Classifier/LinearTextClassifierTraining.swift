import Foundation
import TemperText

/// Trains a text classifier from labelled texts.
///
/// Knows nothing about where the texts come from. Each label is fitted by L-BFGS to the rows' regularised log loss, the
/// weights are rounded to 255 steps, and then slope and offset are fitted to the margins of the rounded weights on rows
/// that were held back (Platt 1999, with his smoothed targets against overconfidence). The same rows, settings and seed
/// give the same bytes.
extension LinearTextClassifier {
    /// A labelled text.
    package struct Example: Sendable, Hashable {
        /// The text.
        package var text: String
        /// The labels that it carries, by their place; all others it does not.
        package var labels: Set<Int>
        /// How much it counts.
        package var weight: Double

        /// Creates an example.
        package init(_ text: String, labels: Set<Int>, weight: Double = 1) {
            self.text = text
            self.labels = labels
            self.weight = weight
        }
    }

    /// How to train.
    package struct Training: Sendable, Hashable {
        /// Weights lie in 2^`bits` buckets.
        package var bits: Int
        /// The strength of the regularisation; the loss it is added to is a mean over the rows.
        package var l2: Double
        /// The most steps of the optimiser.
        package var iterations: Int
        /// Whether rows with and without a label weigh the same in all.
        package var isBalanced: Bool
        /// The share of rows that is held back for the calibration, where no rows are given for it.
        package var heldBack: Double
        /// Draws the rows that are held back.
        package var seed: UInt64

        /// Creates settings.
        package init(
            bits: Int = 17,
            l2: Double = 1e-5,
            iterations: Int = 100,
            isBalanced: Bool = true,
            heldBack: Double = 0.125,
            seed: UInt64 = 1
        ) {
            precondition((1...24).contains(bits) && l2 > 0 && iterations > 0, "2^1 to 2^24 buckets, l2 above 0")
            self.bits = bits
            self.l2 = l2
            self.iterations = iterations
            self.isBalanced = isBalanced
            self.heldBack = heldBack
            self.seed = seed
        }
    }

    /// Trains a classifier.
    ///
    /// - Parameters:
    ///   - labels: the labels' names; an example names them by their place here.
    ///   - calibration: rows that only the calibration uses; nil holds some of the examples back.
    ///   - trainingData: what the rows are, in words, for the file.
    /// - Throws: `RiskError` where a label has no row with or without it.
    package static func train(
        _ examples: [Example],
        labels: [String],
        calibration: [Example]? = nil,
        trainingData: String,
        settings: Training = Training()
    ) throws -> Self {
        var fitted = examples
        var held = calibration ?? []
        if calibration == nil {
            let order = examples.shuffled(seed: settings.seed)
            let count = Int((Double(order.count) * settings.heldBack).rounded())
            (held, fitted) = (Array(order.prefix(count)), Array(order.dropFirst(count)))
        }
        let rows = fitted.map { TextFeatures($0.text, bits: settings.bits) }
        let heldRows = held.map { TextFeatures($0.text, bits: settings.bits) }
        var outputs: [Output] = []
        var weights: [Int8] = []
        for (place, label) in labels.enumerated() {
            for part in [fitted, held] {
                let count = part.count { $0.labels.contains(place) }
                guard count > 0, count < part.count else {
                    throw RiskError.cannotTrain(
                        reason: "of \(part.count) rows \(count) carry the label '\(label)'; both kinds are needed"
                    )
                }
            }
            let parameters = fit(rows, fitted, place, settings)
            let (rounded, scale) = rounded(parameters.dropLast())
            let own = rounded.withUnsafeBufferPointer { own in
                heldRows.map { Double($0.score(own)) * scale + (parameters.last ?? 0) }
            }
            let (slope, offset) = platt(own, held.map { $0.labels.contains(place) }, held.map(\.weight))
            outputs.append(
                Output(label: label, scale: scale, intercept: parameters.last ?? 0, slope: slope, offset: offset)
            )
            weights += rounded
        }
        return Self(outputs: outputs, bits: settings.bits, trainingData: trainingData, weights: weights)
    }

    private static func fit(
        _ rows: [TextFeatures],
        _ examples: [Example],
        _ place: Int,
        _ settings: Training
    ) -> [Double] {
        let targets = examples.map { $0.labels.contains(place) }
        var rowWeights = examples.map(\.weight)
        if settings.isBalanced {
            let sums = [true, false].map { side in
                zip(targets, rowWeights).reduce(0) { $1.0 == side ? $0 + $1.1 : $0 }
            }
            rowWeights = zip(targets, rowWeights).map { $1 / sums[$0 ? 0 : 1] }
        }
        let objective = LogisticObjective(
            rows: rows,
            targets: targets,
            rowWeights: rowWeights,
            l2: settings.l2,
            bits: settings.bits
        )
        let start = [Double](repeating: 0, count: objective.parameterCount)
        return LimitedMemoryBFGS.minimum(from: start, iterations: settings.iterations) {
            objective.value(at: $0, gradient: &$1)
        }
    }

    /// The weights as whole steps of a scale, so that the largest is 127.
    static func rounded(_ weights: ArraySlice<Double>) -> (weights: [Int8], scale: Double) {
        let largest = weights.reduce(0) { max($0, abs($1)) }
        let scale = largest > 0 ? largest / 127 : 1
        return (weights.map { Int8(($0 / scale).rounded()) }, scale)
    }

    /// Slope and offset of the sigmoid, by Newton's method on the log loss against Platt's smoothed targets.
    static func platt(
        _ margins: [Double],
        _ targets: [Bool],
        _ weights: [Double]? = nil
    ) -> (slope: Double, offset: Double) {
        let weights = weights ?? targets.map { _ in 1 }
        let positives = Double(targets.count { $0 })
        let negatives = Double(targets.count) - positives
        let goals = targets.map { $0 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2) }
        func loss(_ slope: Double, _ offset: Double) -> Double {
            zip(margins, zip(goals, weights)).reduce(0) { sum, row in
                let z = slope * row.0 + offset
                // log(1 + e^z) - goal z
                return sum + row.1.1 * ((z > 0 ? z + log1p(exp(-z)) : log1p(exp(z))) - row.1.0 * z)
            }
        }
        var (slope, offset) = (1.0, log((positives + 1) / (negatives + 1)))
        var value = loss(slope, offset)
        for _ in 0..<100 {
            var (g0, g1, h00, h01, h11) = (0.0, 0.0, 1e-12, 0.0, 1e-12)
            for (margin, (goal, weight)) in zip(margins, zip(goals, weights)) {
                let p = sigmoid(slope * margin + offset)
                let (error, curve) = (weight * (p - goal), weight * p * (1 - p))
                g0 += error * margin
                g1 += error
                h00 += curve * margin * margin
                h01 += curve * margin
                h11 += curve
            }
            let determinant = h00 * h11 - h01 * h01
            guard determinant > 0 else { break }
            let steps = (-(h11 * g0 - h01 * g1) / determinant, -(h00 * g1 - h01 * g0) / determinant)
            var length = 1.0
            while length > 1e-10, loss(slope + length * steps.0, offset + length * steps.1) > value { length /= 2 }
            (slope, offset) = (slope + length * steps.0, offset + length * steps.1)
            let next = loss(slope, offset)
            if value - next < 1e-10 { break }
            value = next
        }
        return (slope, offset)
    }
}
