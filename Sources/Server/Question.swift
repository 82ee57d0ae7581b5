import TemperGuard
import TemperText

/// A request for an answer: what the upstream gets of it, what of it is checked, and how the answer is wanted.
///
/// Only fields that are known go on, because a field that nobody checked may carry text. Texts of turns and prompts are
/// checked by their role; the texts of tools and schemas are checked but never changed. Knows nothing about connections.
struct Question: Sendable {
    /// Which of the two forms of request it has.
    enum Form: Sendable {
        /// `/chat/completions`
        case chat
        /// `/completions`
        case completion
    }

    /// A text to check.
    struct Part: Sendable {
        var text: String
        var stage: Stage
        /// The turns before it.
        var before: Int
        /// Where in `fields` it stands; nil for what cannot be changed.
        var place: Place?
    }

    /// Where a text stands.
    enum Place: Sendable {
        /// A turn's content.
        case content(Int)
        /// A part of a turn's content.
        case piece(Int, Int)
        /// All parts of a turn's content together, which cannot be changed.
        case pieces(Int)
        /// A prompt.
        case prompt(Int)

        var isFixed: Bool {
            if case .pieces = self { true } else { false }
        }
    }

    let form: Form
    /// What goes on, without messages and prompts.
    private var fields: [(key: String, value: TemplateValue)]
    private(set) var messages: [TemplateValue] = []
    private(set) var prompts: [String] = []
    private(set) var parts: [Part] = []
    /// What the placeholders stand for that were put in.
    private(set) var redaction = Redaction()

    var model: String? { self["model"]?.string }
    var isStreamed: Bool { self["stream"]?.bool ?? false }
    var wantsUsage: Bool { self["stream_options"]?["include_usage"]?.bool ?? false }
    /// How many answers there may be.
    var choices: Int { max(1, self["n"]?.int ?? 1) * (form == .completion ? prompts.count : 1) }

    subscript(key: String) -> TemplateValue? { fields.last { $0.key == key }?.value }

    /// What goes to the upstream.
    var body: TemplateValue {
        let content: (String, TemplateValue) =
            switch form {
            case .chat: ("messages", .array(messages))
            case .completion:
                ("prompt", prompts.count == 1 ? .string(prompts[0]) : .array(prompts.map { .string($0) }))
            }
        return .object(fields + [(key: content.0, value: content.1)])
    }

    /// The conversation, as the rails see it.
    var chat: Chat {
        form == .completion
            ? Chat(prompts.map { Message(.user, $0) })
            : Chat(messages.map { Message(Self.role($0), Self.plainText($0)) })
    }

    // MARK: Reading

    private static let common: Set<String> = [
        "model", "max_tokens", "temperature", "top_p", "top_k", "min_p", "n", "stream", "stream_options", "stop",
        "presence_penalty", "frequency_penalty", "repetition_penalty", "seed", "user", "logit_bias",
    ]
    private static let ofChats: Set<String> = [
        "max_completion_tokens", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call",
        "response_format", "metadata", "store", "service_tier", "reasoning_effort", "verbosity", "modalities",
        "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    ]
    private static let ofCompletions: Set<String> = ["echo", "suffix", "best_of"]
    /// Taken and left out: log-probabilities would repeat the answer's text beside the gate.
    private static let leftOut: Set<String> = ["logprobs", "top_logprobs", "guardrails"]
    /// Their texts reach a model.
    private static let speaking = [
        "tools", "tool_choice", "functions", "function_call", "response_format", "suffix", "stop", "user", "metadata",
        "safety_identifier", "prompt_cache_key",
    ]
    private static let mostChoices = 16
    /// What is checked grows with the square of these.
    private static let mostTurns = 1024
    private static let mostPieces = 256

    /// Reads a request.
    ///
    /// - Throws: `APIError` that names the field and the remedy.
    init(_ form: Form, _ document: TemplateValue, trustsSystemTurns: Bool) throws(APIError) {
        self.form = form
        guard case .object(let pairs) = document else { throw .request("The body has to be a JSON object.") }
        let content = form == .chat ? "messages" : "prompt"
        let known = Self.common.union(form == .chat ? Self.ofChats : Self.ofCompletions)
        fields = []
        for (key, value) in pairs where key != content && !Self.leftOut.contains(key) && !value.isNull {
            guard known.contains(key) else {
                throw .request(
                    "The field '\(key.prefix(64))' is not known to this guard, which passes on only what it can check.",
                    code: "unsupported_parameter",
                    parameter: String(key.prefix(64))
                )
            }
            guard !fields.contains(where: { $0.key == key }) else {
                throw .request("The field '\(key)' stands twice.", parameter: key)
            }
            fields.append((key, value))
        }
        if let n = self["n"] {
            guard let n = n.int, (1...Self.mostChoices).contains(n) else {
                throw .request("n lies between 1 and \(Self.mostChoices).", parameter: "n")
            }
        }
        if let value = self["stream"], value.bool == nil {
            throw .request("stream is true or false.", parameter: "stream")
        }
        if let modalities = self["modalities"]?.array, modalities.contains(where: { $0.string != "text" }) {
            throw .request(
                "This guard checks text only; ask for the modality 'text'.",
                code: "unsupported_content",
                parameter: "modalities"
            )
        }
        switch form {
        case .chat: try readMessages(document["messages"], trustsSystemTurns)
        case .completion: try readPrompts(document["prompt"])
        }
        for key in Self.speaking {
            let text = self[key]?.texts.joined(separator: "\n") ?? ""
            if !text.isEmpty { parts.append(Part(text: text, stage: .input, before: 0, place: nil)) }
        }
    }

    private mutating func readPrompts(_ value: TemplateValue?) throws(APIError) {
        let texts = value?.string.map { [$0] } ?? value?.array?.compactMap(\.string) ?? []
        guard !texts.isEmpty, texts.count <= Self.mostChoices, texts.count == value?.array?.count ?? 1 else {
            throw .request(
                "prompt is a text or a list of up to \(Self.mostChoices) texts; tokens cannot be checked.",
                parameter: "prompt"
            )
        }
        prompts = texts
        for (index, text) in texts.enumerated() {
            parts.append(Part(text: text, stage: .input, before: 0, place: .prompt(index)))
        }
    }

    private mutating func readMessages(_ value: TemplateValue?, _ trustsSystemTurns: Bool) throws(APIError) {
        guard let list = value?.array, !list.isEmpty else {
            throw .request("messages is a list of at least one turn.", parameter: "messages")
        }
        guard list.count <= Self.mostTurns else {
            throw .request("messages has more than \(Self.mostTurns) turns.", parameter: "messages")
        }
        for (index, item) in list.enumerated() {
            let place = "messages[\(index)]"
            guard let role = item["role"]?.string, let stage = Self.stage(of: role) else {
                throw .request(
                    "\(place) has no role of system, developer, user, assistant, tool and function.",
                    parameter: "\(place).role"
                )
            }
            let isTrusted = trustsSystemTurns && ["system", "developer"].contains(role)
            var parts: [Part] = []
            if let call = item["tool_call_id"], !call.isNull {
                let name = call.string ?? ""
                guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(Self.isNameByte) else {
                    throw .request(
                        "The tool_call_id of messages[\(index)] has to be 1 to 64 letters, digits, '-' and '_'.",
                        parameter: "messages[\(index)].tool_call_id"
                    )
                }
            }
            let content = try Self.content(item["content"], stage: stage, turn: index, &parts)
            let calls = item["tool_calls"].flatMap { $0.isNull ? nil : $0 }
            let call = item["function_call"].flatMap { $0.isNull ? nil : $0 }
            let fixed = [calls, call, item["refusal"], item["reasoning_content"], item["name"]].compactMap { $0 }
            let text = fixed.flatMap { CallTexts.texts(of: $0) }.joined(separator: "\n")
            if !text.isEmpty { parts.append(Part(text: text, stage: stage, before: index, place: nil)) }
            if !isTrusted { self.parts += parts }
            messages.append(
                .object(of: [
                    "role": .string(role), "content": content, "name": item["name"], "tool_calls": calls,
                    "tool_call_id": item["tool_call_id"], "function_call": call, "refusal": item["refusal"],
                    "reasoning_content": item["reasoning_content"],
                ])
            )
        }
    }

    private static func content(
        _ value: TemplateValue?,
        stage: Stage,
        turn: Int,
        _ parts: inout [Part]
    ) throws(APIError) -> TemplateValue? {
        switch value {
        case .string(let text):
            parts.append(Part(text: text, stage: stage, before: turn, place: .content(turn)))
            return value
        case .array(let pieces):
            var kept: [TemplateValue] = []
            guard pieces.count <= mostPieces else {
                throw .request(
                    "messages[\(turn)] has more than \(mostPieces) parts.",
                    parameter: "messages[\(turn)].content"
                )
            }
            for (index, piece) in pieces.enumerated() {
                let type = piece["type"]?.string ?? ""
                let key = type == "refusal" ? "refusal" : "text"
                guard ["text", "refusal"].contains(type), let text = piece[key]?.string else {
                    throw .request(
                        "A part of messages[\(turn)] is no text; this guard passes on only what it can check.",
                        code: "unsupported_content",
                        parameter: "messages[\(turn)].content[\(index)]"
                    )
                }
                parts.append(Part(text: text, stage: stage, before: turn, place: .piece(turn, index)))
                kept.append(.object([("type", .string(type)), (key, .string(text))]))
            }
            // A model reads the parts as one text, so they are also checked as one.
            if pieces.count > 1 {
                parts.append(Part(text: "", stage: stage, before: turn, place: .pieces(turn)))
            }
            return .array(kept)
        case nil, .null: return .null
        default:
            throw .request(
                "The content of messages[\(turn)] is neither a text nor a list of parts.",
                parameter: "messages[\(turn)].content"
            )
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func stage(of role: String) -> Stage? {
        switch role {
        // Whoever asks writes the assistant's earlier turns, too: none of them is the model's word.
        case "system", "developer", "user", "assistant": .input
        case "tool", "function": .retrieved
        default: nil
        }
    }

    private static func role(_ message: TemplateValue) -> Message.Role {
        switch message["role"]?.string {
        case "system", "developer": .system
        case "assistant": .assistant
        case "tool", "function": .tool
        default: .user
        }
    }

    private static func plainText(_ message: TemplateValue) -> String {
        message["content"]?.string
            ?? message["content"]?.array?.compactMap { $0["text"]?.string }.joined(separator: "\n") ?? ""
    }

    // MARK: Checking

    /// Checks every text, and puts replacements in.
    ///
    /// - Returns: The refusal, where there is one.
    mutating func screen(_ screening: Screening) async throws -> Guard.Decision? {
        let chat = chat
        for part in parts {
            let before = Chat(Array(chat.messages.prefix(part.before)))
            var text = part.text
            // What was replaced in one part is no finding in the whole any more.
            if case .pieces(let turn)? = part.place {
                text = messages[turn]["content"]?.array?.compactMap { $0["text"]?.string }.joined() ?? ""
            }
            let decision = try await screening.check(text, at: part.stage, in: before, after: redaction)
            guard decision.isAllowed else { return decision }
            guard decision.action == .redact else { continue }
            guard let place = part.place, !place.isFixed else {
                var refused = decision
                refused.action = .refuse
                refused.text = screening.message
                return refused
            }
            redaction = decision.redaction
            replace(place, with: decision.text)
        }
        return nil
    }

    private mutating func replace(_ place: Place, with text: String) {
        switch place {
        case .pieces: preconditionFailure("parts are changed one by one")
        case .prompt(let index): prompts[index] = text
        case .content(let turn): messages[turn] = Self.set("content", .string(text), in: messages[turn])
        case .piece(let turn, let index):
            var pieces = messages[turn]["content"]?.array ?? []
            let key = pieces[index]["type"]?.string ?? "text"
            pieces[index] = Self.set(key, .string(text), in: pieces[index])
            messages[turn] = Self.set("content", .array(pieces), in: messages[turn])
        }
    }

    private static func set(_ key: String, _ value: TemplateValue, in object: TemplateValue) -> TemplateValue {
        .object(object.pairs.map { ($0.key, $0.key == key ? value : $0.value) })
    }
}
