public import Foundation

/// What tells hits from other texts among a sentence encoder's vectors: a logistic regression, as a file beside the
/// encoder's adapter.
public struct EncoderHead: Codable, Sendable, Hashable {
    private var schema = Self.current
    private static let current = 1
    /// The SHA-256 of the encoder's weights that the head belongs to.
    public var encoder: String
    /// The SHA-256 of the adapter's weights on it; nil for the encoder as it came.
    public var adapter: String?
    /// One weight for each number of a vector of length 1.
    public var weights: [Float]
    /// What is added to their sum; from 0 on the text is a hit.
    public var bias: Double
    /// What it was trained on, in words.
    public var trainingData: String

    /// Creates a head.
    public init(encoder: String, adapter: String?, weights: [Float], bias: Double, trainingData: String) {
        self.encoder = encoder
        self.adapter = adapter
        self.weights = weights
        self.bias = bias
        self.trainingData = trainingData
    }

    /// Reads a file.
    ///
    /// - Throws: `RiskError.unreadable`, also where the file is of another version or its numbers are no head's.
    public init(contentsOf url: URL) throws {
        guard let data = try? Data(contentsOf: url), let head = try? JSONDecoder().decode(Self.self, from: data),
            head.schema == Self.current, head.bias.isFinite, head.weights.allSatisfy(\.isFinite)
        else {
            throw RiskError.unreadable(
                file: url.path,
                reason:
                    "there is no judge's head; make it with `temper judge train NAME --encoder FOLDER --data FOLDER "
                    + "--output FOLDER`"
            )
        }
        self = head
    }

    /// The file's bytes: sorted keys, so that the same head is the same bytes.
    package func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return try encoder.encode(self)
    }

    /// The log-odds of a hit.
    func logit(_ vector: [Float]) -> Double {
        Double(zip(weights, vector).reduce(Float(0)) { $0 + $1.0 * $1.1 }) + bias
    }
}
