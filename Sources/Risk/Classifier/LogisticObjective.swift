import Foundation

/// The loss of an L2-regularised logistic regression over hashed features, with its gradient.
///
/// Knows nothing about how it is made small. L(w, b) = 1/W sum_i c_i log(1 + exp(-y_i (w x_i + b))) + l/2 |w|^2, with
/// y in {-1, 1} and W the sum of the rows' weights c; the intercept b, the last of the parameters, is not regularised.
struct LogisticObjective {
    /// Each row's features.
    let rows: [TextFeatures]
    /// Whether each row carries the label.
    let targets: [Bool]
    /// How much each row counts.
    let rowWeights: [Double]
    /// The strength l of the regularisation.
    let l2: Double
    /// The number of parameters, the intercept included.
    let parameterCount: Int

    init(rows: [TextFeatures], targets: [Bool], rowWeights: [Double], l2: Double, bits: Int) {
        precondition(rows.count == targets.count && rows.count == rowWeights.count, "each row has target and weight")
        self.rows = rows
        self.targets = targets
        self.rowWeights = rowWeights
        self.l2 = l2
        parameterCount = (1 << bits) + 1
    }

    /// The loss at some parameters, with its gradient.
    func value(at parameters: [Double], gradient: inout [Double]) -> Double {
        var loss = 0.0
        let total = rowWeights.reduce(0, +)
        let regularised = parameterCount - 1
        for index in 0..<regularised {
            loss += parameters[index] * parameters[index]
            gradient[index] = l2 * parameters[index]
        }
        loss *= l2 / 2
        gradient[regularised] = 0
        parameters.withUnsafeBufferPointer { parameters in
            gradient.withUnsafeMutableBufferPointer { gradient in
                for (index, row) in rows.enumerated() {
                    let sign = targets[index] ? 1.0 : -1.0
                    let margin = sign * (row.score(parameters) + parameters[regularised])
                    let weight = rowWeights[index] / total
                    loss += weight * (margin > 0 ? log1p(exp(-margin)) : -margin + log1p(exp(margin)))
                    let slope = -sign * weight * LinearTextClassifier.sigmoid(-margin)
                    row.add(slope, to: gradient)
                    gradient[regularised] += slope
                }
            }
        }
        return loss
    }
}

extension TextFeatures {
    /// The dot product of these features with weights.
    func score(_ weights: UnsafeBufferPointer<Double>) -> Double {
        func sum(_ range: Range<Int>) -> Double {
            var sum = 0.0
            for index in range {
                let weight = weights[Int(buckets[index] & 0x7FFF_FFFF)]
                sum += buckets[index] >> 31 == 0 ? weight : -weight
            }
            return sum
        }
        return Double(wordValue) * sum(0..<wordCount) + Double(pieceValue) * sum(wordCount..<buckets.count)
    }

    /// Adds these features, times a factor, to a gradient.
    func add(_ factor: Double, to gradient: UnsafeMutableBufferPointer<Double>) {
        let (word, piece) = (factor * Double(wordValue), factor * Double(pieceValue))
        for index in buckets.indices {
            let step = index < wordCount ? word : piece
            gradient[Int(buckets[index] & 0x7FFF_FFFF)] += buckets[index] >> 31 == 0 ? step : -step
        }
    }
}
