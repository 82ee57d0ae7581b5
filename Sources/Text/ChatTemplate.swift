public import Foundation

/// How conversations are written as the text a model was trained on: a Jinja template, parsed once.
///
/// Renders what transformers' `apply_chat_template` renders. Templates are untrusted: they see plain data only, and their
/// steps, output and recursion are bounded. Knows nothing about token ids.
public struct ChatTemplate: Sendable {
    /// A rendered conversation.
    public struct Rendered: Sendable, Hashable {
        /// The text.
        public let text: String
        /// UTF-8 offsets of what the template wrote inside `{% generation %}` blocks.
        public let generationRanges: [Range<Int>]
    }

    /// The template as written.
    public let source: String
    private let statements: [TemplateSyntax.Statement]
    private let specialTokens: [(name: String, text: String)]
    /// Texts that end a turn, longest first.
    let endOfTurnTokens: [String]

    /// Parses a template.
    ///
    /// - Parameters:
    ///   - source: the template, in the subset of Jinja that chat templates use.
    ///   - bosToken: what `bos_token` stands for; undefined if nil.
    ///   - eosToken: what `eos_token` stands for; undefined if nil.
    ///   - unknownToken: what `unk_token` stands for; undefined if nil.
    ///   - padToken: what `pad_token` stands for; undefined if nil.
    ///   - endOfTurnTokens: further texts that end a turn, such as `<|im_end|>`.
    /// - Throws: ``TemplateError`` naming the line.
    public init(
        source: String,
        bosToken: String? = nil,
        eosToken: String? = nil,
        unknownToken: String? = nil,
        padToken: String? = nil,
        endOfTurnTokens: [String] = []
    ) throws {
        self.source = source
        statements = try TemplateParser.parse(source)
        let named = [
            ("bos_token", bosToken), ("eos_token", eosToken), ("unk_token", unknownToken), ("pad_token", padToken),
        ]
        specialTokens = named.compactMap { name, text in text.map { (name, $0) } }
        self.endOfTurnTokens = (endOfTurnTokens + [eosToken].compactMap { $0 })
            .filter { !$0.isEmpty }
            .sorted { $0.utf8.count > $1.utf8.count }
    }

    /// Writes a conversation as text.
    ///
    /// - Parameters:
    ///   - chat: the conversation.
    ///   - addGenerationPrompt: whether to end where the assistant's next turn begins.
    ///   - variables: further variables, such as `tools`; they override the standard ones.
    ///   - now: the moment that `strftime_now` tells.
    /// - Throws: ``TemplateError`` naming the line, also when the template refuses the conversation.
    public func render(
        _ chat: Chat,
        addGenerationPrompt: Bool = false,
        variables: [String: TemplateValue] = [:],
        now: Date = Date()
    ) throws -> Rendered {
        let messages = chat.messages.map { message in
            TemplateValue.object([("role", .string(message.role.rawValue)), ("content", .string(message.content))])
        }
        var all: [(String, TemplateValue)] = specialTokens.map { ($0.name, .string($0.text)) }
        all += [
            ("messages", .array(messages)), ("tools", .null), ("documents", .null),
            ("add_generation_prompt", .bool(addGenerationPrompt)),
        ]
        let scope = TemplateScope()
        for (name, value) in all { scope.set(name, TemplateData(value)) }
        for (name, value) in variables { scope.set(name, TemplateData(value)) }
        let interpreter = TemplateInterpreter(now: now)
        try interpreter.run(statements, in: scope)
        return Rendered(text: interpreter.output, generationRanges: interpreter.generationRanges)
    }
}
