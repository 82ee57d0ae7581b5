import Foundation

/// A logistic regression on dense features.
///
/// Knows nothing about what they are. The weights' squares are penalised, the bias is not. No randomness.
package enum LogisticRegression {
    /// The weights and, last, the bias that make the rows' labels likely.
    ///
    /// - Parameters:
    ///   - features: Of each row as many numbers as of any other.
    ///   - hits: The rows' labels.
    ///   - weights: What each row counts.
    ///   - penalty: What the sum of the weights' squares costs beside the mean loss.
    package static func fit(_ features: [[Float]], _ hits: [Bool], weights: [Double], penalty: Double) -> [Double] {
        let width = features.first?.count ?? 0
        let total = weights.reduce(0, +)
        return LimitedMemoryBFGS.minimum(from: [Double](repeating: 0, count: width + 1), iterations: 200) {
            point,
            slope in
            var loss = 0.0
            for index in 0..<width {
                loss += penalty * point[index] * point[index]
                slope[index] = 2 * penalty * point[index]
            }
            slope[width] = 0
            for (row, own) in features.enumerated() {
                own.withUnsafeBufferPointer { own in
                    point.withUnsafeBufferPointer { point in
                        slope.withUnsafeMutableBufferPointer { slope in
                            var logit = point[width]
                            for index in 0..<width { logit += Double(own[index]) * point[index] }
                            let margin = hits[row] ? -logit : logit
                            let weight = weights[row] / total
                            loss += weight * (margin > 0 ? margin + log1p(exp(-margin)) : log1p(exp(margin)))
                            let error = weight * (1 / (1 + exp(-logit)) - (hits[row] ? 1 : 0))
                            for index in 0..<width { slope[index] += error * Double(own[index]) }
                            slope[width] += error
                        }
                    }
                }
            }
            return loss
        }
    }
}
