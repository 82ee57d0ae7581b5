import TemperText

/// Reads rows with a `chosen` and a `rejected` answer: the formats of TRL and LLaMA-Factory, and dialogues as text.
///
/// The prompt stands beside the answers (`prompt`, `conversations`, or `instruction`), or both answers are whole
/// conversations that begin alike. Either way a row becomes two conversations that part at an assistant's turn.
extension ExampleReader {
    /// The two conversations of a row; only what comes after their common beginning is learned from.
    func preference(_ row: [String: Any]) throws -> (chosen: [Turn], rejected: [Turn]) {
        let prompt = try self.prompt(row)
        var chosen = try answer(row["chosen"], after: prompt, field: "chosen")
        var rejected = try answer(row["rejected"], after: prompt, field: "rejected")
        let common = zip(chosen, rejected).prefix { $0.message == $1.message }.count
        guard common < chosen.count, common < rejected.count else {
            throw DatasetError.Problem.badValue(
                field: "rejected",
                found: "the beginning of, or the same as, `chosen`",
                expected: "another answer to the same prompt"
            )
        }
        guard chosen[common].message.role == .assistant, rejected[common].message.role == .assistant else {
            throw DatasetError.Problem.badValue(
                field: "rejected",
                found: "a conversation that parts from `chosen` at turn \(common + 1), which is not the assistant's",
                expected: "the same prompt in both"
            )
        }
        let answers = (chosen[common...] + rejected[common...]).filter { $0.message.role == .assistant }
        guard answers.allSatisfy(\.isTrained) else {
            throw DatasetError.Problem.unsupported(
                field: "weight",
                remedy: "where one answer is preferred to another all of both counts; remove the field"
            )
        }
        for turn in 0..<common {
            chosen[turn].isTrained = false
            rejected[turn].isTrained = false
        }
        return (chosen, rejected)
    }

    /// The turns before the answers; none where the answers bring them.
    private func prompt(_ row: [String: Any]) throws -> [Turn] {
        if row["conversations"] != nil { return try shareGPT(row) }
        if row["instruction"] != nil { return try instruction(row, input: row["input"], field: "input") }
        switch row["prompt"] {
        case nil: return try system(row)
        case let text as String: return try system(row) + [Turn(message: Message(.user, text))]
        case let value: return try system(row) + messages(value, field: "prompt")
        }
    }

    /// A conversation with its answer: a text, one ShareGPT turn, or a list of messages, perhaps with the prompt in it.
    private func answer(_ value: Any?, after prompt: [Turn], field: String) throws -> [Turn] {
        let hasPrompt = prompt.contains { $0.message.role != .system }
        switch value {
        case let text as String where hasPrompt: return prompt + [Turn(message: Message(.assistant, text))]
        case let text as String: return prompt + (try dialogue(text, field: field))
        case is [String: Any]: return prompt + [try shareGPTTurn(value, place: field)]
        default:
            let turns = try messages(value, field: field)
            // A prompt beside whole conversations is their first question, written once more.
            guard let first = turns.first, hasPrompt, first.message.role != .assistant else { return prompt + turns }
            guard turns.contains(where: { $0.message == prompt.last?.message }) else {
                throw DatasetError.Problem.badValue(
                    field: field,
                    found: "a conversation without the prompt",
                    expected: "the assistant's answer alone, or the prompt and the answer"
                )
            }
            let isComplete = first.message.role == .system
            return (isComplete ? [] : prompt.filter { $0.message.role == .system }) + turns
        }
    }

    /// A dialogue written as one text, its turns after `Human:` and `Assistant:`.
    private func dialogue(_ text: String, field: String) throws -> [Turn] {
        var turns: [Turn] = []
        var rest = text[...]
        while let start = rest.firstIndex(where: { !$0.isWhitespace }) {
            let marks: [(String, Message.Role)] = [("Human:", .user), ("Assistant:", .assistant)]
            guard let (mark, role) = marks.first(where: { rest[start...].hasPrefix($0.0) }) else { break }
            let body = rest[start...].dropFirst(mark.count)
            let end = marks.compactMap { body.firstRange(of: "\n\n\($0.0)")?.lowerBound }.min() ?? body.endIndex
            let content = body[..<end].drop { $0.isWhitespace }
            turns.append(Turn(message: Message(role, String(content))))
            rest = body[end...]
        }
        guard !turns.isEmpty else {
            throw DatasetError.Problem.badValue(
                field: field,
                found: "text without a prompt",
                expected: "a `prompt` beside it, a list of messages, or turns after \"Human:\" and \"Assistant:\""
            )
        }
        return turns
    }
}
