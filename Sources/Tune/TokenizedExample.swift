import Foundation
public import TemperModel
import TemperText

/// A training row as token ids, with a mark on every token the model is to learn.
public struct TokenizedExample: Sendable, Hashable {
    /// Token ids, the template's own tokens included.
    public var ids: [Int]
    /// Whether each token is a target; the first never is.
    public var isTarget: [Bool]
    /// Where the row came from.
    public var source: Example.Source

    /// Creates a row from its tokens.
    public init(ids: [Int], isTarget: [Bool], source: Example.Source) {
        precondition(ids.count == isTarget.count, "one mark for each token")
        self.ids = ids
        self.isTarget = isTarget
        self.source = source
    }

    /// Tokens the loss is computed on.
    public var targetCount: Int { targets.count }

    /// Positions of the targets.
    var targets: [Int] { isTarget.indices.dropFirst().filter { isTarget[$0] } }

    /// Whether an answer begins at a position.
    func isOpening(_ position: Int) -> Bool { isTarget[position] && !isTarget[position - 1] }

    /// The targets' weights in the loss, all together, where the first token of an answer counts `openingWeight`.
    func targetWeight(openingWeight: Double) -> Double {
        targets.reduce(0) { $0 + (isOpening($1) ? openingWeight : 1) }
    }
}

/// Why a training cannot go on.
public enum TrainingError: Error, CustomStringConvertible, Sendable {
    /// No row is left to train on.
    case nothingToLearn(dataset: String, reason: String)
    /// The loss or its gradient is no number any more.
    case diverged(step: Int, loss: Double, norm: Double, rows: [Example.Source])

    /// A text has a label that the classifier does not know.
    case unknownLabel(String, known: [String])
    /// A text has none or several of the labels of which each text has one; rows are counted from 1.
    case labelCount(row: Int, found: Int)

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .nothingToLearn(let dataset, let reason): "\(dataset): nothing to train on: \(reason)"
        case .diverged(let step, let loss, let norm, let rows):
            "the loss of step \(step) is \(loss), the norm of its gradient \(norm): lower learning_rate, or look at rows "
                + rows.map { "\($0)" }.joined(separator: ", ")
        case .unknownLabel(let label, let known):
            "label \(label) is none of the classifier's (\(known.joined(separator: ", "))); correct it, or train a new head"
        case .labelCount(let row, let found):
            "row \(row) has \(found) labels, but the classifier gives each text one; correct the row, or train a head for "
                + "multiple labels"
        }
    }
}

extension Dataset {
    /// The rows as token ids under a model's own chat template.
    ///
    /// Which tokens are targets follows from the template, never from a search in the text: the assistant's spans are
    /// those `ChatTemplate.assistantRanges` finds. Rows longer than `cutoffLength`, or than the model's context, are
    /// cut at the end.
    ///
    /// - Returns: the rows that hold at least one target, and how many were cut or left out.
    /// - Throws: `TrainingError` when no row is left.
    public func tokenized(
        for model: LanguageModel,
        cutoffLength: Int
    ) throws -> (rows: [TokenizedExample], cut: Int, dropped: Int) {
        let tokenizer = try model.requireTokenizer()
        guard let template = tokenizer.chatTemplate else { throw ModelError.noChatTemplate(path: model.url.path) }
        let cutoffLength = min(cutoffLength, model.configuration.contextLength)
        var rows: [TokenizedExample] = []
        var cut = 0
        for example in examples {
            let (text, ranges) = try template.assistantRanges(of: example.chat)
            let assistantTurns = example.chat.messages.indices.filter { example.chat.messages[$0].role == .assistant }
            let trained = zip(assistantTurns, ranges).filter { example.isTrained($0.0) }.map(\.1)
            let tokens = tokenizer.encodeWithOffsets(text)
            var isTarget = tokens.map { token in
                trained.contains { $0.lowerBound <= token.utf8.lowerBound && token.utf8.lowerBound < $0.upperBound }
            }
            if !isTarget.isEmpty { isTarget[0] = false }
            if tokens.count > cutoffLength { cut += 1 }
            let row = TokenizedExample(
                ids: Array(tokens.map(\.id).prefix(cutoffLength)),
                isTarget: Array(isTarget.prefix(cutoffLength)),
                source: example.source
            )
            if row.targetCount > 0 { rows.append(row) }
        }
        guard !rows.isEmpty else {
            throw TrainingError.nothingToLearn(
                dataset: name,
                reason: examples.isEmpty
                    ? "the data set is empty" : "no assistant token lies in the first \(cutoffLength) tokens of any row"
            )
        }
        return (rows, cut, examples.count - rows.count)
    }
}
