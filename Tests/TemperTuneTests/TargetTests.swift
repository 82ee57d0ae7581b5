import Foundation
import TemperModel
import TemperText
import TemperTorch
import Testing

@testable import TemperTune

/// Which tokens are learned, under the chat template that comes with the tiny model.
@Suite struct TargetTests {
    private let chat = Chat([
        Message(.system, "Be brief."), Message(.user, "the question"), Message(.assistant, "the first answer"),
        Message(.user, "answers?"), Message(.assistant, "the second answer"),
    ])

    /// Some templates write an empty block of thoughts before what an assistant says.
    @Test func aGivenOpeningIsFoundBehindWhatATemplateWrites() throws {
        let text = "<user>a<assistant><think>\n\n</think>\n\nSure, here. But no."
        let turn = 18..<text.utf8.count
        let answered = Chat([Message(.user, "a"), Message(.assistant, "Sure, here. But no.")])
        let example = Example(chat: answered, source: .init(file: "f", line: 1))
        let rest = try turn.after(" Sure, here.", in: text, of: example)
        #expect(String(decoding: Array(text.utf8)[rest], as: UTF8.self) == " But no.")
        #expect(throws: TrainingError.self) { try turn.after("Sure, there", in: text, of: example) }
    }

    private func load() async throws -> LanguageModel {
        try await .load(from: GoldenTuningTests.folder.appending(path: "tiny-llama.gguf"), dtype: .float32)
    }

    private func tokenized(
        _ model: LanguageModel,
        trainedTurns: Set<Int>? = nil,
        cutoffLength: Int = 512
    ) throws -> (rows: [TokenizedExample], cut: Int, dropped: Int) {
        let example = Example(chat: chat, source: .init(file: "f", line: 1), trainedTurns: trainedTurns)
        return try Dataset(name: "d", examples: [example]).tokenized(for: model, cutoffLength: cutoffLength)
    }

    /// The runs of targets of a row, as text.
    private func targets(_ row: TokenizedExample, _ tokenizer: Tokenizer) -> [String] {
        var runs: [[Int]] = []
        for position in row.ids.indices where row.isTarget[position] {
            if position == 0 || !row.isTarget[position - 1] { runs.append([]) }
            runs[runs.count - 1].append(row.ids[position])
        }
        return runs.map { tokenizer.decode($0) }
    }

    @Test func everyAnswerWithItsEndOfTurn() async throws {
        let model = try await load()
        let tokenizer = try #require(model.tokenizer)
        let (rows, cut, dropped) = try tokenized(model)
        #expect(rows.count == 1 && cut == 0 && dropped == 0)
        #expect(targets(rows[0], tokenizer) == ["the first answer<|im_end|>", "the second answer<|im_end|>"])
        #expect(rows[0].targetCount == rows[0].isTarget.count { $0 })
        let whole = try #require(try tokenizer.chatTemplate?.render(chat).text)
        #expect(rows[0].ids == tokenizer.encode(whole))
    }

    @Test func turnsThatAreNotTrained() async throws {
        let model = try await load()
        let tokenizer = try #require(model.tokenizer)
        let rows = try tokenized(model, trainedTurns: [4]).rows
        #expect(targets(rows[0], tokenizer) == ["the second answer<|im_end|>"])
        #expect(throws: TrainingError.self) { try tokenized(model, trainedTurns: []) }
    }

    @Test func cutInTheMiddleOfAnAnswer() async throws {
        let model = try await load()
        let tokenizer = try #require(model.tokenizer)
        let whole = try tokenized(model).rows[0]
        let last = try #require(whole.isTarget.lastIndex(of: true))
        let (rows, cut, dropped) = try tokenized(model, cutoffLength: last - 1)
        #expect(cut == 1 && dropped == 0 && rows[0].ids == Array(whole.ids.prefix(last - 1)))
        let runs = targets(rows[0], tokenizer)
        #expect(runs[0] == "the first answer<|im_end|>" && runs.count == 2)
        #expect("the second answer".hasPrefix(runs[1]) && !runs[1].isEmpty && runs[1] != "the second answer")
        // Cut before the first answer, nothing is left to learn.
        let first = try #require(whole.isTarget.firstIndex(of: true))
        #expect(throws: TrainingError.self) { try tokenized(model, cutoffLength: first) }
        #expect(try tokenized(model, cutoffLength: first + 1).rows[0].targetCount == 1)
    }

    @Test func rowsBeyondTheContext() async throws {
        let model = try await load()
        let answer = String(repeating: "z", count: 900)
        let example = Example(
            chat: Chat([Message(.user, "a"), Message(.assistant, answer)]),
            source: .init(file: "f", line: 1)
        )
        let (rows, cut, _) = try Dataset(name: "d", examples: [example]).tokenized(for: model, cutoffLength: 2000)
        #expect(rows[0].ids.count == 512 && cut == 1)
    }
}
