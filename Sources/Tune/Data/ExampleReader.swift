import Foundation
import TemperText

/// Turns one row of a training file into one example, or says what is wrong with it.
///
/// Nothing is dropped without a word: a row that cannot be kept whole is an error, except the further instances of a
/// self-instruct row, which are counted. Knows nothing about files beyond their name.
struct ExampleReader {
    let file: String
    /// Rows with more instances than the one that was used.
    private(set) var rowsWithMoreInstances = 0

    init(file: String) {
        self.file = file
    }

    /// A turn and whether it is learned from, before the order is checked.
    struct Turn {
        var message: Message
        var isTrained = true
    }

    mutating func example(_ row: [String: Any], as format: Dataset.Format, line: Int) throws -> Example {
        func fail(_ problem: DatasetError.Problem) -> DatasetError { DatasetError(file: file, line: line, problem) }
        if Self.isPresent(row["tools"]) {
            throw fail(.unsupported(field: "tools", remedy: "tool use is not trained; remove the field"))
        }
        if Self.isPresent(row["weight"]), (row["weight"] as? NSNumber)?.doubleValue != 1 {
            let remedy = "give the file a `weight` in the recipe, or an assistant turn a `weight` of 0 or 1"
            throw fail(.unsupported(field: "weight", remedy: remedy))
        }
        if format != .messages, Self.isPresent(row["label"]), row["label"] is NSNumber {
            let remedy = "keep the rows with good answers and remove the field"
            throw fail(.unsupported(field: "label", remedy: remedy))
        }
        var turns: [Turn]
        var rejected: [Turn]?
        do {
            switch format {
            case .preference: (turns, rejected) = try preference(row)
            case .messages: turns = try messages(row["messages"], field: "messages")
            case .sharegpt: turns = try shareGPT(row)
            case .alpaca: turns = try alpaca(row)
            case .promptCompletion, .mlx: turns = try promptCompletion(row)
            }
            try Self.check(turns)
            if let rejected { try Self.check(rejected) }
        } catch let problem as DatasetError.Problem {
            throw fail(problem)
        }
        let skipped = turns.contains { $0.message.role == .assistant && !$0.isTrained }
        let trained = turns.indices.filter { turns[$0].message.role == .assistant && turns[$0].isTrained }
        guard !trained.isEmpty else { throw fail(.missingAssistantTurn) }
        return Example(
            chat: Chat(turns.map(\.message)),
            rejected: rejected.map { Chat($0.map(\.message)) },
            source: Example.Source(file: file, line: line),
            category: row["category"] as? String,
            trainedTurns: skipped ? Set(trained) : nil
        )
    }

    func messages(_ value: Any?, field: String) throws -> [Turn] {
        guard let list = value as? [Any] else {
            throw DatasetError.Problem.badValue(field: field, found: kind(of: value), expected: "a list of messages")
        }
        return try list.enumerated().map { index, value in
            let place = "\(field)[\(index)]"
            guard let message = value as? [String: Any] else {
                throw DatasetError.Problem.badValue(field: place, found: kind(of: value), expected: "an object")
            }
            for key in ["tool_calls", "function_call"] where Self.isPresent(message[key]) {
                throw DatasetError.Problem.unsupported(
                    field: "\(place).\(key)",
                    remedy: "tool use is not trained; remove the row"
                )
            }
            let name = try text(message["role"], field: "\(place).role")
            guard let role = Message.Role(rawValue: name) else {
                throw DatasetError.Problem.unknownRole(name, known: Message.Role.allCases.map(\.rawValue))
            }
            var turn = Turn(message: Message(role, try text(message["content"], field: "\(place).content")))
            turn.isTrained = try isTrained(message, role, place: place)
            return turn
        }
    }

    /// What the `weight` of a turn says, a switch as in the OpenAI fine-tuning API.
    private func isTrained(_ turn: [String: Any], _ role: Message.Role, place: String) throws -> Bool {
        guard Self.isPresent(turn["weight"]) else { return true }
        let weight = (turn["weight"] as? NSNumber)?.doubleValue
        guard role == .assistant, weight == 0 || weight == 1 else {
            throw DatasetError.Problem.badValue(
                field: "\(place).weight",
                found: "\(kind(of: turn["weight"])) on a turn of the \(role.rawValue)",
                expected: "0 or 1 on an assistant turn"
            )
        }
        return weight == 1
    }

    private static let shareGPTRoles: [String: Message.Role] = [
        "system": .system, "human": .user, "user": .user, "gpt": .assistant, "assistant": .assistant,
        "observation": .tool, "tool": .tool,
    ]

    func shareGPT(_ row: [String: Any]) throws -> [Turn] {
        guard let list = row["conversations"] as? [Any] else {
            throw DatasetError.Problem.badValue(
                field: "conversations",
                found: kind(of: row["conversations"]),
                expected: "a list of turns"
            )
        }
        return try system(row) + list.enumerated().map { try shareGPTTurn($1, place: "conversations[\($0)]") }
    }

    func shareGPTTurn(_ value: Any?, place: String) throws -> Turn {
        guard let turn = value as? [String: Any] else {
            throw DatasetError.Problem.badValue(field: place, found: kind(of: value), expected: "an object")
        }
        let name = try text(turn["from"], field: "\(place).from")
        guard let role = Self.shareGPTRoles[name] else {
            throw DatasetError.Problem.unknownRole(name, known: Self.shareGPTRoles.keys.sorted())
        }
        let message = Message(role, try text(turn["value"], field: "\(place).value"))
        return Turn(message: message, isTrained: try isTrained(turn, role, place: place))
    }

    private mutating func alpaca(_ row: [String: Any]) throws -> [Turn] {
        var fields = row
        var prefix = ""
        if row["output"] == nil, let value = row["instances"] {
            guard let instances = value as? [Any], let first = instances.first as? [String: Any] else {
                throw DatasetError.Problem.badValue(
                    field: "instances",
                    found: kind(of: value),
                    expected: "a list of objects with input and output"
                )
            }
            if instances.count > 1 { rowsWithMoreInstances += 1 }
            fields = first
            prefix = "instances[0]."
        }
        let prompt = try instruction(row, input: fields["input"], field: "\(prefix)input")
        let output = try text(fields["output"], field: "\(prefix)output")
        return prompt + [Turn(message: Message(.assistant, output))]
    }

    /// The system turn, the history and the instruction of a row, up to where the assistant answers.
    func instruction(_ row: [String: Any], input: Any?, field: String) throws -> [Turn] {
        var turns = try system(row)
        if Self.isPresent(row["history"]) {
            guard let history = row["history"] as? [Any] else {
                throw DatasetError.Problem.badValue(
                    field: "history",
                    found: kind(of: row["history"]),
                    expected: "a list of [question, answer]"
                )
            }
            for (index, value) in history.enumerated() {
                guard let pair = value as? [Any], pair.count == 2 else {
                    throw DatasetError.Problem.badValue(
                        field: "history[\(index)]",
                        found: kind(of: value),
                        expected: "[question, answer]"
                    )
                }
                turns.append(Turn(message: Message(.user, try text(pair[0], field: "history[\(index)][0]"))))
                turns.append(Turn(message: Message(.assistant, try text(pair[1], field: "history[\(index)][1]"))))
            }
        }
        let instruction = try text(row["instruction"], field: "instruction")
        let input = Self.isPresent(input) ? try text(input, field: field) : ""
        let prompt = instruction.isEmpty || input.isEmpty ? instruction + input : "\(instruction)\n\(input)"
        return turns + [Turn(message: Message(.user, prompt))]
    }

    private func promptCompletion(_ row: [String: Any]) throws -> [Turn] {
        if let prompt = row["prompt"] as? String, let completion = row["completion"] as? String {
            return try system(row) + [
                Turn(message: Message(.user, prompt)), Turn(message: Message(.assistant, completion)),
            ]
        }
        guard row["prompt"] is [Any], row["completion"] is [Any] else {
            let field = row["prompt"] is String ? "completion" : "prompt"
            if row[field] is [Any] {
                let other = field == "prompt" ? "completion" : "prompt"
                throw DatasetError.Problem.badValue(
                    field: other,
                    found: kind(of: row[other]),
                    expected: "a list, as `\(field)` is one"
                )
            }
            throw DatasetError.Problem.notText(field: field, found: kind(of: row[field]))
        }
        // Only the completion is learned, also where the prompt holds earlier answers.
        let prompt = try messages(row["prompt"], field: "prompt").map { Turn(message: $0.message, isTrained: false) }
        return try system(row) + prompt + messages(row["completion"], field: "completion")
    }

    func system(_ row: [String: Any]) throws -> [Turn] {
        guard Self.isPresent(row["system"]) else { return [] }
        let content = try text(row["system"], field: "system")
        return content.isEmpty ? [] : [Turn(message: Message(.system, content))]
    }

    func text(_ value: Any?, field: String) throws -> String {
        guard let text = value as? String else {
            throw DatasetError.Problem.notText(field: field, found: kind(of: value))
        }
        return text
    }

    private static func isPresent(_ value: Any?) -> Bool {
        value != nil && !(value is NSNull) && (value as? [Any])?.isEmpty != true
    }

    /// Checks that the turns are a conversation: system?, then user and assistant by turns, the assistant last.
    private static func check(_ turns: [Turn]) throws {
        guard turns.contains(where: { $0.message.role == .assistant }) else {
            throw DatasetError.Problem.missingAssistantTurn
        }
        var previous: Message.Role?
        for (index, turn) in turns.enumerated() {
            let role = turn.message.role
            let isBlank = !turn.message.content.contains { !$0.isWhitespace }
            if isBlank, role == .user || role == .assistant {
                throw DatasetError.Problem.emptyText(field: "turn \(index + 1) (\(role.rawValue))")
            }
            let follows: Set<Message.Role?> =
                switch role {
                case .system: [nil]
                case .user: [nil, .system, .assistant]
                case .assistant: [.user, .tool]
                case .tool: [.assistant, .tool]
                }
            guard follows.contains(previous) else {
                let before = previous.map { "after \($0.rawValue)" } ?? "first"
                let rule = "an optional system turn, then user and assistant by turns"
                throw DatasetError.Problem.wrongOrder("turn \(index + 1) is \(role.rawValue) \(before); use \(rule)")
            }
            previous = role
        }
        guard previous == .assistant else {
            throw DatasetError.Problem.wrongOrder(
                "the last turn is \(previous?.rawValue ?? "missing"); end with the assistant, or remove that turn"
            )
        }
    }
}
