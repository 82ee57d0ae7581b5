import Foundation
import TemperText
import Testing

@Suite("Chat templates")
struct ChatTemplateTests {
    /// Noon of 15 July 2024 in Greenwich: the same day nearly everywhere.
    private let noon = Date(timeIntervalSince1970: 1_721_044_800)

    private func variables(_ index: Int) throws -> [String: TemplateValue] {
        let file = Goldens.folder.appendingPathComponent("templates.json")
        let root = try TemplateValue(json: [UInt8](Data(contentsOf: file)))
        guard case .object(let pairs)? = root["cases"]?.array?[index]["variables"] else { return [:] }
        return Dictionary(pairs.map { ($0.key, $0.value) }) { $1 }
    }

    @Test("rendered texts and generation spans equal the reference")
    func renderings() throws {
        for (index, golden) in try Goldens.read(Goldens.Templates.self, "templates.json").cases.enumerated() {
            do {
                let template = try ChatTemplate(source: golden.source, bosToken: "<s>", eosToken: "</s>")
                let rendered = try template.render(
                    Chat(golden.chat),
                    addGenerationPrompt: golden.prompt,
                    variables: try variables(index),
                    now: noon
                )
                #expect(
                    isSame(rendered.text, golden.text),
                    "\(golden.name):\n\(rendered.text)\n--- not\n\(golden.text)"
                )
                #expect(rendered.generationRanges.map { [$0.lowerBound, $0.upperBound] } == golden.ranges)
            } catch {
                Issue.record("\(golden.name): \(error)")
            }
        }
    }

    @Test("a refused system turn opens the user's turn")
    func systemTurns() throws {
        let loop =
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<?>{% endif %}"
        let refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + loop
        let chat = Chat([Message(.system, "s"), Message(.user, "a"), Message(.assistant, "b"), Message(.user, "c")])
        #expect(try ChatTemplate(source: loop).prompt(for: chat) == "<system>s<user>a<assistant>b<user>c<?>")
        let template = try ChatTemplate(source: refusing)
        #expect(try template.prompt(for: chat) == "<user>s\n\na<assistant>b<user>c<?>")
        #expect(throws: TemplateError.self) { try template.prompt(for: Chat([Message(.system, "s")])) }
        let never = try ChatTemplate(source: "{{ raise_exception('never') }}")
        #expect(throws: TemplateError.self) { try never.prompt(for: chat) }
    }

    @Test("faulty templates fail and name the line")
    func failures() throws {
        let chat = Chat(user: "Hi there")
        for golden in try Goldens.read(Goldens.Templates.self, "templates.json").errors {
            do {
                _ = try ChatTemplate(source: golden.source).render(chat)
                Issue.record("\(golden.name) did not fail")
            } catch let error as TemplateError {
                if let line = golden.line { #expect(error.line == line, "\(golden.name): \(error)") }
                #expect(error.isRaisedByTemplate == (golden.name == "raised"))
            }
        }
    }

    private static let hostile = [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
        "{{ 'a' * 999999999999 }}",
        "{{ [1] * 999999999 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{% for i in range(99999) %}{{ 'x' * 100000 }}{% endfor %}",
        "{{ ('a' * 1000000)|replace('', 'b' * 1000000) }}",
        "{{ " + String(repeating: "(", count: 20000) + "1 }}",
        "{{ 1" + String(repeating: " + 1", count: 20000) + " }}",
        "{{ " + String(repeating: "not ", count: 20000) + "1 }}",
        "{{ " + String(repeating: "-", count: 20000) + "1 }}",
        String(repeating: "{% if 1 %}", count: 20000),
        "{{ x" + String(repeating: ".a", count: 20000) + " }}",
        "{% set n = namespace(d=[]) %}{% for i in range(90000) %}{% set n.d = [n.d] %}{% endfor %}{{ n.d }}",
        "{% set n = namespace(d=[]) %}{% for i in range(60) %}{% set n.d = [n.d, n.d] %}{% endfor %}{{ n.d == n.d }}",
    ]

    @Test("hostile templates end", arguments: hostile.indices)
    func limits(index: Int) {
        #expect(throws: TemplateError.self) {
            try ChatTemplate(source: Self.hostile[index]).render(Chat(user: "x"))
        }
    }

    @Test("lists can be appended to by name")
    func append() throws {
        let template = try ChatTemplate(
            source: "{% set l = [1] %}{% for i in range(2) %}{% set _ = l.append(i) %}{% endfor %}{{ l }}"
        )
        #expect(try template.render(Chat([])).text == "[1, 0, 1]")
    }

    private let chat = Chat([
        Message(.user, "Hi"), Message(.assistant, "H\u{e9}llo  "), Message(.user, "Bye"), Message(.assistant, "Later"),
    ])

    private func spans(_ source: String) throws -> [String] {
        let template = try ChatTemplate(source: source, eosToken: "<|im_end|>")
        let (text, ranges) = try template.assistantRanges(of: chat)
        return ranges.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
    }

    @Test("assistant turns are found with their end-of-turn token and nothing after it")
    func assistantRanges() throws {
        let chatML = """
            {% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """
        #expect(try spans(chatML) == ["H\u{e9}llo  <|im_end|>", "Later<|im_end|>"])
        let marked = """
            {% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}
            {%- endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}
            """
        #expect(try spans(marked) == ["H\u{e9}llo  ", "Later"])
        let plain =
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n\n{% endfor %}"
            + "{% if add_generation_prompt %}assistant: {% endif %}"
        #expect(try spans(plain) == ["H\u{e9}llo  \n\n", "Later\n\n"])
    }

    @Test("a template that rewrites history is refused")
    func rewritten() throws {
        let source = """
            {% for m in messages %}{{ m.role }}:{{ m.content if loop.last else m.content|length }};{% endfor %}
            {%- if add_generation_prompt %}assistant:{% endif %}
            """
        #expect { try spans(source) } throws: { "\($0)".contains("generation") }
    }

    /// The rule of transformers' `continue_final_message`: the text ends where the last occurrence of the turn's text does.
    @Test func aBegunTurnIsContinued() throws {
        let source =
            "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
            + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        let template = try ChatTemplate(source: source)
        let asked = "<|im_start|>user\nSure?<|im_end|>\n<|im_start|>assistant\n"
        #expect(try template.prompt(for: Chat(user: "Sure?")) == asked)
        let begun = Chat([Message(.user, "Sure?"), Message(.assistant, "Sure, here")])
        #expect(try template.prompt(for: begun) == asked + "Sure, here")
        // The last occurrence counts, and spaces that the template strips are not looked for.
        let spaced = Chat([Message(.user, "Sure?"), Message(.assistant, "Sure?  ")])
        #expect(try template.prompt(for: spaced) == asked + "Sure?")
        let empty = Chat([Message(.user, "Sure?"), Message(.assistant, "")])
        #expect(throws: TemplateError.self) { try template.prompt(for: empty) }
        #expect(throws: TemplateError.self) { try ChatTemplate(source: "nothing").prompt(for: begun) }
    }
}
