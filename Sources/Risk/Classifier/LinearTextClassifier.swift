import Foundation

/// A small text classifier: hashed features, one logistic regression for each label, weights of one byte.
///
/// Knows nothing about what its labels mean. Scores are probabilities: each label's margin goes through a sigmoid whose
/// slope and offset were fitted on texts that the weights were not (Platt 1999). It takes tens of microseconds for a
/// short text. A label is judged on its own, so that a text may carry several.
package struct LinearTextClassifier: Sendable, Hashable {
    /// One label's part.
    package struct Output: Codable, Sendable, Hashable {
        /// The label's name.
        package var label: String
        /// What a weight of 1 stands for.
        var scale: Double
        /// What is added to the sum of weights.
        var intercept: Double
        /// The calibration: probability = sigmoid(slope * margin + offset).
        var slope: Double
        /// The calibration's offset.
        var offset: Double
        /// The probability from which the label counts as found.
        package var threshold = 0.5
    }

    /// The labels, in order.
    package var outputs: [Output]
    /// The weights lie in 2^`bits` buckets.
    package let bits: Int
    /// What it was trained on, in words.
    package let trainingData: String
    /// All outputs' weights, one output after the other.
    let weights: [Int8]

    init(outputs: [Output], bits: Int, trainingData: String, weights: [Int8]) {
        precondition(weights.count == outputs.count << bits, "every output has one weight for each bucket")
        self.outputs = outputs
        self.bits = bits
        self.trainingData = trainingData
        self.weights = weights
    }

    /// The labels' names, in order.
    package var labels: [String] { outputs.map(\.label) }

    /// The probability of each label.
    package func probabilities(of text: String) -> [Double] {
        let features = TextFeatures(text, bits: bits)
        return zip(outputs, margins(of: features)).map { Self.sigmoid($0.slope * $1 + $0.offset) }
    }

    /// The probability of the first label.
    package func probability(of text: String) -> Double { probabilities(of: text)[0] }

    /// The logarithm of the first label's odds.
    func logOdds(of text: String) -> Double {
        outputs[0].slope * margins(of: TextFeatures(text, bits: bits))[0] + outputs[0].offset
    }

    /// Whether the first label counts as found.
    package func finds(_ probability: Double) -> Bool { probability >= outputs[0].threshold }

    /// The highest probability of the first label in any stretch of `length` words; stretches begin every half `length`.
    ///
    /// A classifier of short texts reads a long one piece by piece, so that one bad sentence does not drown.
    package func highestProbability(in text: String, stretch length: Int) -> Double {
        stretches(of: text, length: length).reduce(0) { max($0, probability(of: $1)) }
    }

    /// The stretches of `length` words in which a text is read; a short text is one.
    package func stretches(of text: String, length: Int) -> [String] {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count > length, let end = words.last?.endIndex else { return [text] }
        return stride(from: 0, to: words.count - length / 2, by: max(1, length / 2)).map { start in
            let last = start + length < words.count ? words[start + length - 1].endIndex : end
            return String(text[words[start].startIndex..<last])
        }
    }

    private func margins(of features: TextFeatures) -> [Double] {
        weights.withUnsafeBufferPointer { weights in
            outputs.indices.map { index in
                let own = UnsafeBufferPointer(rebasing: weights[(index << bits)..<((index + 1) << bits)])
                return Double(features.score(own)) * outputs[index].scale + outputs[index].intercept
            }
        }
    }

    static func sigmoid(_ x: Double) -> Double {
        x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
    }
}
