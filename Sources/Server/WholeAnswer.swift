import TemperGuard
import TemperText

/// Checks an answer that came as a whole.
///
/// Content and reasoning may be replaced in part; a call of a tool passes as a whole or not at all. Whatever is refused in a
/// choice, the policy's message is all that is left of that choice. Placeholders that stand for the client's
/// own words become those words again.
struct WholeAnswer {
    let question: Question
    let form: AnswerForm
    let screening: Screening

    /// The answer that may leave.
    ///
    /// - Throws: `APIError` where the document is no answer.
    func screened(_ document: TemplateValue) async throws -> TemplateValue {
        guard let choices = document["choices"]?.array, !choices.isEmpty, choices.count <= question.choices else {
            throw screening.malformed("there are no choices, or more than were asked for")
        }
        var checked: [TemplateValue] = []
        for (index, choice) in choices.enumerated() { checked.append(try await screened(choice, index)) }
        return form.whole(checked, usage: AnswerForm.usage(document["usage"]))
    }

    private func screened(_ choice: TemplateValue, _ index: Int) async throws -> TemplateValue {
        let reason = AnswerForm.reason(choice["finish_reason"]) ?? "stop"
        guard form.form == .chat else {
            guard let text = choice["text"]?.string else { throw screening.malformed("a choice has no text") }
            let decision = try await check(text)
            guard decision.isAllowed else { return refused(index) }
            return form.choice(index, question.redaction.restore(decision.text), reason: reason)
        }
        guard let message = choice["message"], case .object = message else {
            throw screening.malformed("a choice has no message")
        }
        var kept: [(key: String, value: TemplateValue)] = [("role", "assistant")]
        for key in ["content", "refusal", "reasoning_content", "reasoning"] {
            guard let value = message[key], !value.isNull else {
                if key == "content" { kept.append((key, .null)) }
                continue
            }
            guard let text = value.string else { throw screening.malformed("the \(key) of a choice is no text") }
            let decision = try await check(text)
            guard decision.isAllowed else { return refused(index) }
            kept.append((key, .string(question.redaction.restore(decision.text))))
        }
        for key in ["tool_calls", "function_call"] {
            guard let calls = message[key], !calls.isNull else { continue }
            let text = CallTexts.texts(of: calls).joined(separator: "\n")
            guard try await check(text).action < .redact else { return refused(index) }
            let restored = CallTexts.restored([.object([(key, calls)])], question.redaction)
            kept.append((key, restored.first?[key] ?? calls))
        }
        return form.choice(index, message: .object(kept), reason: reason)
    }

    private func check(_ text: String) async throws -> Guard.Decision {
        try await screening.check(text, at: .output, in: question.chat, after: question.redaction)
    }

    private func refused(_ index: Int) -> TemplateValue {
        form.choice(index, screening.message, reason: "content_filter")
    }
}

extension Screening {
    /// An answer that has not the form of one.
    func malformed(_ what: String) -> APIError {
        metrics.count("temper_upstream_failures_total", ["reason": "malformed"])
        return .upstream(
            "The upstream's answer cannot be used: \(what). Nothing of it is passed on unchecked.",
            code: "upstream_malformed"
        )
    }
}
