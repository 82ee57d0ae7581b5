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
    /// The worse answer, where the row is a preference.
    public var rejected: Rejected?

    /// The same conversation with an answer that is worse.
    public struct Rejected: Sendable, Hashable {
        /// Token ids, the template's own tokens included.
        public var ids: [Int]
        /// Whether each token belongs to the answer; the first never does.
        public var isTarget: [Bool]
    }

    /// Creates a row from its tokens.
    public init(ids: [Int], isTarget: [Bool], source: Example.Source, rejected: Rejected? = nil) {
        precondition(ids.count == isTarget.count, "one mark for each token")
        precondition(rejected.map { $0.ids.count == $0.isTarget.count } ?? true, "one mark for each token")
        self.ids = ids
        self.isTarget = isTarget
        self.source = source
        self.rejected = rejected
    }

    /// What goes through the model: the row, and the worse answer where there is one.
    var sequences: [TokenizedExample] {
        guard let rejected else { return [self] }
        return [(ids, isTarget), (rejected.ids, rejected.isTarget)].map {
            TokenizedExample(ids: $0.0, isTarget: $0.1, source: source)
        }
    }

    /// Tokens that go through the model.
    package var tokenCount: Int { ids.count + (rejected?.ids.count ?? 0) }

    /// Tokens the loss is computed on, those of a worse answer aside.
    public var targetCount: Int { targets.count }

    /// Positions of the targets.
    package var targets: [Int] { isTarget.indices.dropFirst().filter { isTarget[$0] } }

    /// Whether an answer begins at a position.
    package func isOpening(_ position: Int) -> Bool { isTarget[position] && !isTarget[position - 1] }

    /// The targets' weights in the loss, all together, where the first token of an answer counts `openingWeight`.
    func targetWeight(openingWeight: Double) -> Double {
        targets.reduce(0) { $0 + (isOpening($1) ? openingWeight : 1) }
    }
}

/// Why a training cannot go on.
public enum TrainingError: Error, CustomStringConvertible, Sendable {
    /// No row is left to train on.
    case nothingToLearn(dataset: String, reason: String)
    /// A row of the wrong kind: a preference where answers are learned, or the other way round.
    case wrongStage(row: Example.Source, stage: TrainingSettings.Stage)
    /// The opening that a row gives is not in its last turn.
    case openingNotFound(row: Example.Source)
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
        case .wrongStage(let row, .sft):
            "\(row): this row is a preference, and stage is sft; set `stage: dpo`, or keep the chosen answers alone"
        case .wrongStage(let row, .dpo):
            "\(row): this row has one answer, and stage is dpo, which compares a `chosen` with a `rejected` one; add the "
                + "other, or set `stage: sft`"
        case .openingNotFound(let row):
            "\(row): the opening that is given is not in the last turn, as the chat template writes it"
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

extension Range<Int> {
    /// What is left of a turn's UTF-8 range once its given opening is taken off; templates may put something before it, such
    /// as an empty block of thoughts.
    func after(_ opening: String, in text: String, of example: Example) throws -> Range<Int> {
        let space: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        let given = Array(opening.utf8.drop { space.contains($0) })
        let whole: [UInt8] = example.chat.messages.last.map { Array($0.content.utf8) } ?? []
        let content = Array(whole.drop { space.contains($0) }.reversed().drop { space.contains($0) }.reversed())
        guard content.starts(with: given), let found = Array(text.utf8)[self].firstRange(of: content) else {
            throw TrainingError.openingNotFound(row: example.source)
        }
        return (found.lowerBound + given.count)..<upperBound
    }
}

extension Dataset {
    /// The rows as a training with these settings takes them.
    public func tokenized(
        for model: LanguageModel,
        settings: TrainingSettings
    ) throws -> (rows: [TokenizedExample], cut: Int, dropped: Int) {
        try tokenized(for: model, cutoffLength: settings.cutoffLen, stage: settings.stage)
    }

    /// The rows as token ids under a model's own chat template.
    ///
    /// Which tokens are targets follows from the template, never from a search in the text: the assistant's spans are
    /// those `ChatTemplate.assistantRanges` finds. Rows longer than `cutoffLength`, or than the model's context, are
    /// cut at the end.
    ///
    /// - Parameter stage: What the rows are for; all are preferences, or none is.
    /// - Returns: the rows that hold at least one target, and how many were cut or left out.
    /// - Throws: `TrainingError` when no row is left, or one is of the wrong kind.
    public func tokenized(
        for model: LanguageModel,
        cutoffLength: Int,
        stage: TrainingSettings.Stage = .sft
    ) throws -> (rows: [TokenizedExample], cut: Int, dropped: Int) {
        let tokenizer = try model.requireTokenizer()
        guard let template = tokenizer.chatTemplate else { throw ModelError.noChatTemplate(path: model.url.path) }
        let cutoffLength = min(cutoffLength, model.configuration.contextLength)
        var rows: [TokenizedExample] = []
        var cut = 0
        func sequence(_ chat: Chat, _ example: Example) throws -> (ids: [Int], isTarget: [Bool], isCut: Bool) {
            let (text, ranges) = try template.assistantRanges(of: chat)
            let assistantTurns = chat.messages.indices.filter { chat.messages[$0].role == .assistant }
            var trained = zip(assistantTurns, ranges).filter { example.isTrained($0.0, of: chat) }.map(\.1)
            if let opening = example.givenOpening, !opening.isEmpty, let last = trained.popLast() {
                trained.append(try last.after(opening, in: text, of: example))
            }
            let tokens = tokenizer.encodeWithOffsets(text)
            var isTarget = tokens.map { token in
                trained.contains { $0.lowerBound <= token.utf8.lowerBound && token.utf8.lowerBound < $0.upperBound }
            }
            if !isTarget.isEmpty { isTarget[0] = false }
            let ids = tokens.map(\.id).prefix(cutoffLength)
            return (Array(ids), Array(isTarget.prefix(cutoffLength)), tokens.count > cutoffLength)
        }
        for example in examples {
            guard (example.rejected != nil) == (stage == .dpo) else {
                throw TrainingError.wrongStage(row: example.source, stage: stage)
            }
            let chosen = try sequence(example.chat, example)
            let rejected = try example.rejected.map { try sequence($0, example) }
            if chosen.isCut || rejected?.isCut == true { cut += 1 }
            // Two answers that were cut where they are still the same say nothing.
            guard chosen.isTarget.contains(true), rejected?.isTarget.contains(true) ?? true, rejected?.ids != chosen.ids
            else { continue }
            rows.append(
                TokenizedExample(
                    ids: chosen.ids,
                    isTarget: chosen.isTarget,
                    source: example.source,
                    rejected: rejected.map { TokenizedExample.Rejected(ids: $0.ids, isTarget: $0.isTarget) }
                )
            )
        }
        guard !rows.isEmpty else {
            throw TrainingError.nothingToLearn(
                dataset: name,
                reason: examples.isEmpty
                    ? "the data set is empty"
                    : "no assistant token that makes a difference lies in the first \(cutoffLength) tokens of any row"
            )
        }
        return (rows, cut, examples.count - rows.count)
    }
}
