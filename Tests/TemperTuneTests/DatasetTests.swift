import Foundation
import TemperText
import Testing

@testable import TemperTune

@Suite struct DatasetTests {
    private func read(_ text: String, format: Dataset.Format? = nil) throws -> Dataset {
        try Dataset.parse(Data(text.utf8), file: "data.jsonl", name: "data", format: format)
    }

    private func problem(_ text: String, format: Dataset.Format? = nil) -> DatasetError? {
        do {
            _ = try read(text, format: format)
            return nil
        } catch {
            return error as? DatasetError
        }
    }

    private let row = #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#

    // MARK: Formats

    @Test func messagesWithCategoryAndUntrainedTurns() throws {
        let data = try read(
            #"""
            {"category":"x","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0},{"role":"user","content":"c"},{"role":"assistant","content":"d","weight":1}]}
            """#
        )
        let example = try #require(data.examples.first)
        #expect(example.chat.messages.map(\.content) == ["s", "a", "b", "c", "d"])
        #expect(example.category == "x")
        #expect(example.trainedTurns == [4])
        #expect(!example.isTrained(2) && example.isTrained(4) && !example.isTrained(1) && !example.isTrained(9))
        #expect(data.files == [.init(path: "data.jsonl", format: .messages, wasDetected: true, examples: 1)])
        #expect(data.files[0].description == "data.jsonl: 1 examples, format messages (detected)")
    }

    @Test func alpacaWithInputSystemAndHistory() throws {
        let data = try read(
            #"""
            [
              {"instruction": "Add.", "input": "1 2", "output": "3", "system": "Be brief.", "history": [["q", "a"]]},

              {"instruction": "Say [hi], \"ok\"?", "input": "", "output": "hi"}
            ]
            """#
        )
        #expect(data.examples.map(\.source.line) == [2, 4])
        #expect(data.examples[0].chat.messages.map(\.content) == ["Be brief.", "q", "a", "Add.\n1 2", "3"])
        #expect(data.examples[1].chat.messages == [Message(.user, "Say [hi], \"ok\"?"), Message(.assistant, "hi")])
        #expect(data.files[0].format == .alpaca)
    }

    @Test func selfInstructTakesTheFirstInstanceAndSaysSo() throws {
        let data = try read(
            #"{"instruction":"I","instances":[{"input":"x","output":"y"},{"input":"p","output":"q"}]}"#
        )
        #expect(data.examples[0].chat.messages.map(\.content) == ["I\nx", "y"])
        #expect(data.notes.count == 1)
    }

    @Test func shareGPT() throws {
        let data = try read(
            #"{"system":"s","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#
        )
        #expect(data.examples[0].chat.messages.map(\.role) == [.system, .user, .assistant])
        #expect(data.files[0].format == .sharegpt)
        let switched = try read(
            #"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b","weight":0},{"from":"human","value":"c"},{"from":"gpt","value":"d"}]}"#
        )
        #expect(switched.examples[0].trainedTurns == [3])
    }

    @Test func rowsHaveNoWeight() throws {
        #expect(try read(#"{"prompt":"a","completion":"b","weight":1}"#).count == 1)
        for weight in ["0", "0.5", "2", "-1", "\"1\"", "[1]"] {
            let first = #"{"prompt":"a","completion":"b"}"#
            let error = try #require(problem("\(first)\n" + first.dropLast() + ",\"weight\":\(weight)}"))
            #expect(error.description.hasPrefix("data.jsonl:2: `weight`"), "\(error)")
        }
    }

    @Test func promptCompletionAsTextAndAsMessages() throws {
        #expect(try read(#"{"prompt":"a","completion":"b"}"#).examples[0].chat.messages.count == 2)
        let data = try read(
            #"""
            {"prompt":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"completion":[{"role":"assistant","content":"d"}]}
            """#
        )
        #expect(data.examples[0].trainedTurns == [3])
    }

    @Test func toleratesByteOrderMarkCarriageReturnsAndBlankLines() throws {
        let data = try read("\u{FEFF}\r\n\(row)\r\n\r\n   \r\n\(row)")
        #expect(data.examples.map(\.source.line) == [2, 5])
    }

    // MARK: Folders

    @Test func folders() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dataset-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: DatasetError.self) { try Dataset.load(folder) }
        try Data(row.utf8).write(to: folder.appendingPathComponent("one.jsonl"))
        #expect(try Dataset.load(folder).files[0].format == .messages)
        try Data(row.utf8).write(to: folder.appendingPathComponent("two.jsonl"))
        #expect(throws: DatasetError.self) { try Dataset.load(folder) }
        let lines = row + "\n" + #"{"prompt":"a","completion":"b"}"#
        try Data(lines.utf8).write(to: folder.appendingPathComponent("train.jsonl"))
        try Data(row.utf8).write(to: folder.appendingPathComponent("valid.jsonl"))
        let data = try Dataset.load(folder)
        #expect(data.count == 2 && data.files[0].format == .mlx)
        #expect(data.notes.count == 1 && data.notes[0].contains("valid.jsonl: not read"))
        #expect(throws: DatasetError.self) { try Dataset.load(folder.appendingPathComponent("none.jsonl")) }
    }

    // MARK: Errors

    @Test(arguments: [
        ("{\"messages\":", 1, "not valid JSON"),
        ("\n\n\"text\"", 3, "must be an object"),
        ("[\n{\"prompt\":\"a\",\"completion\":\"b\"},\n]", 3, "a value is missing"),
        ("[{\"prompt\":\"a\",\"completion\":\"b\"}\n", 1, "never ends"),
        ("[{\"prompt\":\"a\",\"completion\":\"b\"}]\nx", 2, "after the array"),
        (#"{"text":"a"}"#, 1, "plain text"),
        (#"{"foo":1,"bar":2}"#, 1, #"the keys "bar", "foo""#),
        (#"{"prompt":"a","preferred_output":"b"}"#, 1, "preference"),
        (#"{"prompt":"a","completion":"b","label":false}"#, 1, "`label`"),
        (#"{"messages":[{"role":"user","content":"a"}]}"#, 1, "no assistant turn"),
        (#"{"messages":[]}"#, 1, "no assistant turn"),
        (#"{"messages":[{"role":"assistant","content":"a"}]}"#, 1, "turn 1 is assistant first"),
        (#"{"messages":[{"role":"user","content":1},{"role":"assistant","content":"b"}]}"#, 1, "must be text, found 1"),
        (#"{"messages":[{"role":"bot","content":"b"}]}"#, 1, "unknown role \"bot\""),
        (#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" "}]}"#, 1, "is empty"),
        (
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0}]}"#, 1,
            "no assistant turn"
        ),
        (
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0.5}]}"#, 1,
            "expected 0 or 1"
        ),
        (
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{}]}]}"#, 1,
            "tool_calls"
        ),
        (#"{"conversations":[{"from":"human","value":"a"},{"from":"robot","value":"b"}]}"#, 1, "unknown role"),
        (
            #"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"},{"from":"human","value":"c"}]}"#,
            1, "last turn is user"
        ),
        (#"{"prompt":"a","completion":["b"]}"#, 1, "a list"),
        (#"{"instruction":"a","input":""}"#, 1, "needs an `output`"),
        (#"{"instruction":"a","instances":[]}"#, 1, "`instances`"),
        ("{\"prompt\":\"a\",\"completion\":\"b\"}\n{\"instruction\":\"a\",\"output\":\"b\"}", 2, "one format per file"),
    ])
    func saysWhatIsWrongAndWhere(_ text: String, _ line: Int, _ message: String) throws {
        let error = try #require(problem(text))
        #expect(error.line == line)
        #expect(error.description.contains(message), "\(error)")
        #expect(error.description.hasPrefix("data.jsonl:\(line): "))
    }

    @Test func emptyFiles() {
        for text in ["", "\n \r\n", "[]", "\u{FEFF}"] { #expect(problem(text)?.problem == .empty) }
        #expect(problem("\u{0}\u{1}") != nil)
    }

    @Test(arguments: [
        ("PAR1\u{15}\u{0}", "rows.parquet", "it is a Parquet file; write its rows as JSON Lines"),
        ("ARROW1", "rows.arrow", "it is an Arrow file; write its rows as JSON Lines"),
        ("PK\u{3}\u{4}", "rows.jsonl", "it is a ZIP archive; unpack it"),
        ("prompt,completion\na,b\n", "rows.csv", "it is a table, and tables are not read here; write its rows"),
    ]) func otherFiles(_ text: String, _ name: String, _ message: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-rows-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: name)
        try Data(text.utf8).write(to: file)
        let error = #expect(throws: DatasetError.self) { try Dataset.load(file) }
        let start = "\(file.relativePath): cannot be read: \(message)"
        #expect(error?.description.hasPrefix(start) == true, "\(String(describing: error))")
    }

    @Test func compressedFiles() {
        for start: [UInt8] in [[0x1F, 0x8B, 8], [0x28, 0xB5, 0x2F, 0xFD]] {
            let error = #expect(throws: DatasetError.self) { try Dataset.parse(Data(start), file: "f", name: "f") }
            #expect(error?.description.hasPrefix("f: cannot be read: it is compressed with ") == true)
        }
    }

    @Test func longRows() {
        let rows = JSONRows(file: "f", data: Data((row + "\n" + row).utf8), limit: 20)
        #expect(throws: DatasetError(file: "f", line: 1, .lineTooLong(bytes: row.utf8.count, limit: 20))) {
            try rows.forEach { _, _ in }
        }
    }

    @Test func givenFormatWins() throws {
        let both = #"{"prompt":"a","completion":"b","messages":[]}"#
        #expect(try read(both, format: .promptCompletion).count == 1)
        #expect(try !read(both, format: .promptCompletion).files[0].wasDetected)
        #expect(problem(row, format: .alpaca) != nil)
    }

    /// Cuts a good file at every byte and changes every byte: always an error or a data set, never a crash.
    @Test func mutations() {
        let text = "[\(row),\n\(row)]"
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            _ = try? Dataset.parse(Data(bytes[..<index]), file: "f", name: "f")
            for byte: UInt8 in [0x00, 0x22, 0x5B, 0x5D, 0x7D, 0x5C, 0xFF] {
                var changed = bytes
                changed[index] = byte
                _ = try? Dataset.parse(Data(changed), file: "f", name: "f")
            }
        }
    }

    // MARK: Order

    @Test func generatorGivesThePublishedStream() {
        // First outputs for seed 1234567, as in the reference program of the mixing function.
        var generator = SplitMix64(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
        #expect(generator.next() == 9_817_491_932_198_370_423)
        for bound in [1, 2, 7, 1_000_003] {
            for _ in 0..<200 { #expect((0..<bound).contains(generator.below(bound))) }
        }
        #expect((0..<1).contains(generator.unit()))
    }

    @Test func codesAndDecodes() throws {
        let example = Example(
            chat: Chat([Message(.user, "a"), Message(.assistant, "b")]),
            source: .init(file: "f", line: 1),
            category: "c",
            trainedTurns: [1]
        )
        let data = try JSONEncoder().encode(example)
        #expect(try JSONDecoder().decode(Example.self, from: data) == example)
    }

    // MARK: Public data

    private static let publicData = ProcessInfo.processInfo.environment["TEMPER_TEST_DATA"]

    @Test(
        .enabled(if: publicData != nil, "set TEMPER_TEST_DATA to the folder of public data"),
        arguments: [
            ("instructions/seed_tasks.jsonl", 175, Dataset.Format.alpaca),
            ("instructions/user_oriented_instructions.jsonl", 252, .alpaca),
            ("identity_shift/identity-shift-aoa.jsonl", 10, .messages),
        ]
    )
    func readsPublicFiles(_ path: String, _ count: Int, _ format: Dataset.Format) throws {
        let folder = try #require(Self.publicData)
        let data = try Dataset.load(URL(fileURLWithPath: folder).appendingPathComponent(path))
        #expect(data.count == count)
        #expect(data.files[0].format == format)
    }
}

@Suite struct TrainingSettingsTests {
    @Test func defaultsAreValidAndCode() throws {
        let settings = TrainingSettings()
        try settings.validate()
        let data = try JSONEncoder().encode(settings)
        #expect(String(decoding: data, as: UTF8.self).contains("learning_rate"))
        #expect(try JSONDecoder().decode(TrainingSettings.self, from: data) == settings)
    }

    @Test func namesTheSettingOutsideItsRange() {
        var settings = TrainingSettings()
        settings.loraDropout = 0.1
        #expect(throws: TrainingSettings.Invalid.self) { try settings.validate() }
        settings = TrainingSettings()
        settings.learningRate = .nan
        #expect(throws: TrainingSettings.Invalid.self) { try settings.validate() }
        settings = TrainingSettings()
        settings.loraTarget = ["q_proj", "q_proj"]
        #expect(throws: TrainingSettings.Invalid.self) { try settings.validate() }
    }
}
