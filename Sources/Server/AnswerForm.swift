import Foundation
import TemperText

/// The form of answers that leave the server, whole and in pieces.
///
/// Written anew, not copied: of what an upstream sends, only texts that were checked, numbers and fixed words get through.
struct AnswerForm: Sendable {
    let form: Question.Form
    let id: String
    let created: Int
    let model: String

    init(_ question: Question, id: String) {
        form = question.form
        self.id = (question.form == .chat ? "chatcmpl-" : "cmpl-") + id
        created = Int(Date().timeIntervalSince1970)
        model = String((question.model ?? "temper").prefix(256))
    }

    /// Why an answer ended, if it is a word that the API has.
    static func reason(_ value: TemplateValue?) -> String? {
        guard let word = value?.string else { return nil }
        return ["stop", "length", "tool_calls", "function_call", "content_filter"].contains(word) ? word : "stop"
    }

    /// The numbers of tokens.
    static func usage(_ value: TemplateValue?) -> TemplateValue? {
        guard let value, case .object = value else { return nil }
        return .object(
            ["prompt_tokens", "completion_tokens", "total_tokens"].compactMap { key in
                value[key]?.int.map { (key, .int($0)) }
            }
        )
    }

    /// A whole answer.
    func whole(_ choices: [TemplateValue], usage: TemplateValue?) -> TemplateValue {
        .object(of: [
            "id": .string(id), "object": form == .chat ? "chat.completion" : "text_completion",
            "created": .int(created), "model": .string(model), "choices": .array(choices), "usage": usage,
        ])
    }

    /// One answer among a whole answer's.
    func choice(_ index: Int, _ text: String, reason: String) -> TemplateValue {
        switch form {
        case .chat: choice(index, message: ["role": "assistant", "content": .string(text)], reason: reason)
        case .completion:
            ["index": .int(index), "text": .string(text), "logprobs": nil, "finish_reason": .string(reason)]
        }
    }

    /// One answer among a chat's.
    func choice(_ index: Int, message: TemplateValue, reason: String) -> TemplateValue {
        ["index": .int(index), "message": message, "logprobs": nil, "finish_reason": .string(reason)]
    }

    /// A piece of a stream: a delta of a chat, or the text of a completion.
    func piece(_ index: Int, _ delta: TemplateValue, reason: String? = nil) -> TemplateValue {
        let reason = reason.map { TemplateValue.string($0) } ?? .null
        let choice: TemplateValue =
            form == .chat
            ? ["index": .int(index), "delta": delta, "logprobs": nil, "finish_reason": reason]
            : ["index": .int(index), "text": delta["content"] ?? "", "logprobs": nil, "finish_reason": reason]
        return pieces([choice], usage: nil)
    }

    /// The piece that says how many tokens there were.
    func usagePiece(_ usage: TemplateValue) -> TemplateValue { pieces([], usage: usage) }

    private func pieces(_ choices: [TemplateValue], usage: TemplateValue?) -> TemplateValue {
        .object(of: [
            "id": .string(id), "object": form == .chat ? "chat.completion.chunk" : "text_completion",
            "created": .int(created), "model": .string(model), "choices": .array(choices), "usage": usage,
        ])
    }
}
