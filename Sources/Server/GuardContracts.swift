import HTTPTypes
import TemperGuard
import TemperText

/// The guard for programs that bring the text themselves: three contracts that gateways already speak.
///
/// - OpenAI's `/v1/moderations`
/// - LiteLLM's generic guardrail, `/beta/litellm_basic_guardrail_api`
/// - checks as NeMo Guardrails has them, `/v1/checks`
///
/// Knows nothing about connections. What cannot be read as text is an error or blocked, never passed.
struct GuardContracts {
    let screening: Screening
    private static let mostTexts = 256

    /// One result for each input.
    func moderation(_ body: TemplateValue) async throws -> TemplateValue {
        guard let input = body["input"] else { throw APIError.request("There is no input.", parameter: "input") }
        let texts: [String]
        if let text = input.string {
            texts = [text]
        } else {
            let parts = (input.array ?? []).map {
                $0.string ?? ($0["type"]?.string == "text" ? $0["text"]?.string : nil)
            }
            texts = parts.compactMap { $0 }
            guard !texts.isEmpty, texts.count == parts.count, texts.count <= Self.mostTexts else {
                throw APIError.request(
                    "input is a text, or a list of up to \(Self.mostTexts) texts; only text can be checked.",
                    code: "unsupported_content",
                    parameter: "input"
                )
            }
        }
        var results: [TemplateValue] = []
        for text in texts { results.append(Categories.result(try await screening.check(text, at: .input))) }
        return [
            "id": .string("modr-" + screening.request), "model": .string("temper-guard"), "results": .array(results),
        ]
    }

    /// `BLOCKED`, `GUARDRAIL_INTERVENED` with other texts, or `NONE`.
    func guardrail(_ body: TemplateValue) async throws -> TemplateValue {
        let stage: Stage
        switch body["input_type"]?.string {
        case "request": stage = .input
        case "response": stage = .output
        default: throw APIError.request("input_type is request or response.", parameter: "input_type")
        }
        let list = body["texts"].flatMap { $0.isNull ? nil : $0 } ?? []
        guard let values = list.array, values.count <= Self.mostTexts, values.allSatisfy({ $0.string != nil }) else {
            throw APIError.request("texts is a list of up to \(Self.mostTexts) texts.", parameter: "texts")
        }
        func blocked(_ reason: String) -> TemplateValue { ["action": "BLOCKED", "blocked_reason": .string(reason)] }
        // An upstream of the gateway may see images; this guard does not.
        if let images = body["images"]?.array, !images.isEmpty {
            return blocked("Images cannot be checked by this guard.")
        }
        var texts: [TemplateValue] = []
        var isChanged = false
        for text in values.compactMap(\.string) {
            let decision = try await screening.check(text, at: stage)
            guard decision.isAllowed else { return blocked(decision.text) }
            isChanged = isChanged || decision.action == .redact
            texts.append(.string(decision.text))
        }
        for key in ["tools", "tool_calls"] {
            guard let value = body[key], !value.isNull else { continue }
            let text = CallTexts.texts(of: value).joined(separator: "\n")
            guard !text.isEmpty else { continue }
            guard try await screening.check(text, at: stage).action < .redact else { return blocked(screening.message) }
        }
        guard isChanged else { return ["action": "NONE"] }
        return ["action": "GUARDRAIL_INTERVENED", "texts": .array(texts)]
    }

    /// `passed`, `modified` or `blocked`, for the last of some messages, or for each of some texts.
    func checks(_ body: TemplateValue) async throws -> TemplateValue {
        let messages = body["messages"]?.array ?? []
        guard let last = messages.last, let text = last["content"]?.string, let role = last["role"]?.string else {
            throw APIError.request("messages is a list of turns with a role and a text.", parameter: "messages")
        }
        let stage: Stage
        switch role {
        case "user", "system": stage = .input
        case "tool", "context": stage = .retrieved
        case "assistant": stage = .output
        default: throw APIError.request("A role is system, user, assistant, tool or context.", parameter: "messages")
        }
        let chat = Chat(
            messages.dropLast().compactMap { message in
                guard let role = message["role"]?.string, let text = message["content"]?.string else { return nil }
                return Message(Message.Role(rawValue: role) ?? .user, text)
            }
        )
        let decision = try await screening.check(text, at: stage, in: chat)
        if decision.checks.contains(where: { $0.failure != nil }), !screening.shield.policy.failsOpen {
            throw APIError(
                status: .unprocessableContent,
                type: "server_error",
                code: "rails_failed",
                message: "A rail could not check the text; treat it as blocked."
            )
        }
        let rail = decision.checks.last { $0.action == decision.action && $0.action != .allow }?.rail
        let status = decision.isAllowed ? (decision.action == .redact ? "modified" : "passed") : "blocked"
        return [
            "status": .string(status), "rail": rail.map { .string($0) } ?? .null, "content": .string(decision.text),
        ]
    }
}
