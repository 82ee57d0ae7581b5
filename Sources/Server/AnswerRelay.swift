import TemperGuard
import TemperText

/// Passes a streamed answer on through gates: one for each choice and each kind of text in it.
///
/// Calls of tools are held until the choice ends, checked as a whole, and then passed on as they came, but with the
/// client's own words in the places of placeholders. Knows nothing about connections: pieces in, pieces out.
struct AnswerRelay {
    /// A text that is written piece by piece.
    private struct Channel {
        var gate: StreamGate
        var placeholders: PlaceholderReader
        var text = ""
    }

    /// One of the answers.
    private struct Choice {
        var channels: [String: Channel] = [:]
        /// Deltas with parts of calls, in the order in which they came.
        var calls: [TemplateValue] = []
        var hasBegun = false
        var isOver = false
    }

    private static let texts = ["content", "refusal", "reasoning_content", "reasoning"]

    private let question: Question
    private let form: AnswerForm
    private let screening: Screening
    private let chat: Chat
    private var choices: [Int: Choice] = [:]
    private var usage: TemplateValue?
    private var output: [TemplateValue] = []

    init(_ question: Question, form: AnswerForm, screening: Screening) {
        self.question = question
        self.form = form
        self.screening = screening
        chat = question.chat
    }

    /// Whether nothing that may still come can leave.
    var isOver: Bool {
        choices.count == question.choices && choices.values.allSatisfy(\.isOver) && !question.wantsUsage
    }

    /// Takes a piece, and returns what may leave now.
    mutating func take(_ piece: TemplateValue) async throws -> [TemplateValue] {
        defer { output = [] }
        if let error = piece["error"], !error.isNull {
            throw screening.malformed("it broke off with an error")
        }
        guard let list = piece["choices"]?.array else { throw screening.malformed("a piece has no choices") }
        if let numbers = AnswerForm.usage(piece["usage"]) { usage = numbers }
        for item in list {
            let index = item["index"]?.int ?? 0
            guard (0..<question.choices).contains(index) else {
                throw screening.malformed("a choice was not asked for")
            }
            var choice = choices[index] ?? Choice()
            try await take(item, into: &choice, index)
            choices[index] = choice
        }
        return output
    }

    /// Ends the answer, and returns what is left of it.
    mutating func finish() async throws -> [TemplateValue] {
        defer { output = [] }
        for (index, choice) in choices.sorted(by: { $0.key < $1.key }) where !choice.isOver {
            var choice = choice
            try await end(&choice, index, reason: "stop")
            choices[index] = choice
        }
        if question.wantsUsage, let usage { output.append(form.usagePiece(usage)) }
        return output
    }

    /// Records the texts of an answer that broke off.
    func abandon() throws {
        for choice in choices.values where !choice.isOver {
            for channel in choice.channels.values { try screening.record(channel.gate, of: channel.text) }
        }
    }

    private func channel() -> Channel {
        Channel(gate: screening.gate(for: question, in: chat), placeholders: PlaceholderReader(question.redaction))
    }

    // MARK: One choice

    private mutating func take(_ item: TemplateValue, into choice: inout Choice, _ index: Int) async throws {
        guard !choice.isOver else { return }
        let delta: TemplateValue = form.form == .chat ? item["delta"] ?? [:] : .object(of: ["content": item["text"]])
        for key in Self.texts {
            guard let value = delta[key], !value.isNull else { continue }
            guard let text = value.string else { throw screening.malformed("a \(key) is no text") }
            var channel = choice.channels[key] ?? channel()
            channel.text += text
            let released = await channel.gate.take(text)
            let restored = channel.placeholders.take(released)
            choice.channels[key] = channel
            if channel.gate.isRefused { return try refuse(&choice, index, message: released) }
            emit(restored, key, &choice, index)
        }
        let calls = delta.pairs.filter { ["tool_calls", "function_call"].contains($0.key) && !$0.value.isNull }
        if !calls.isEmpty { choice.calls.append(.object(calls)) }
        if let reason = AnswerForm.reason(item["finish_reason"]) { try await end(&choice, index, reason: reason) }
    }

    private mutating func end(_ choice: inout Choice, _ index: Int, reason: String) async throws {
        for key in Self.texts {
            guard var channel = choice.channels[key] else { continue }
            let released = await channel.gate.finish()
            let restored = channel.placeholders.take(released) + channel.placeholders.finish()
            choice.channels[key] = channel
            if channel.gate.isRefused { return try refuse(&choice, index, message: released) }
            emit(restored, key, &choice, index)
        }
        for channel in choice.channels.values { try screening.record(channel.gate, of: channel.text) }
        choice.channels = [:]
        if !choice.calls.isEmpty {
            let text = CallTexts.texts(ofParts: choice.calls).joined(separator: "\n")
            let decision = try await screening.check(text, at: .output, in: chat, after: question.redaction)
            guard decision.action < .redact else {
                return try refuse(&choice, index, message: screening.message)
            }
            for call in CallTexts.restored(choice.calls, question.redaction) { emit(call, &choice, index) }
        }
        choice.isOver = true
        output.append(form.piece(index, [:], reason: reason))
    }

    /// The message is all that follows in this choice.
    private mutating func refuse(_ choice: inout Choice, _ index: Int, message: String) throws {
        for channel in choice.channels.values { try screening.record(channel.gate, of: channel.text) }
        emit(.object([("content", .string(message))]), &choice, index)
        choice = Choice(hasBegun: true, isOver: true)
        output.append(form.piece(index, [:], reason: "content_filter"))
    }

    private mutating func emit(_ text: String, _ key: String, _ choice: inout Choice, _ index: Int) {
        if !text.isEmpty { emit(.object([(key, .string(text))]), &choice, index) }
    }

    private mutating func emit(_ delta: TemplateValue, _ choice: inout Choice, _ index: Int) {
        let role: [(key: String, value: TemplateValue)] = choice.hasBegun ? [] : [("role", "assistant")]
        choice.hasBegun = true
        output.append(form.piece(index, .object(role + delta.pairs)))
    }
}
