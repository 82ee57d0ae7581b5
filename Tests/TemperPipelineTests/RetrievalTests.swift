import Foundation
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperPipeline

/// The reference that looks rows up instead of learning them.
@TorchActor
@Suite(.serialized)
struct RetrievalTests {
    @Test func scoresAreTheEquations() {
        let index = RowIndex(["red fox", "red red hen", "blue whale sings"])
        // Mean length 8/3. "hen" is in one of three rows: idf ln(1 + 2.5/1.5); "red" in two: ln(1 + 1.5/2.5).
        func score(_ times: Double, _ length: Double, _ rows: Double) -> Double {
            log(1 + (3 - rows + 0.5) / (rows + 0.5)) * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length * 3 / 8))
        }
        #expect(score(1, 2, 2) < score(2, 3, 2) + score(1, 3, 1))
        #expect(index.nearest(to: "A red HEN?", 3) == [1, 0])
        #expect(index.nearest(to: "red", 3) == (score(1, 2, 2) > score(2, 3, 2) ? [0, 1] : [1, 0]))
        #expect(index.nearest(to: "sings; whale", 1) == [2])
        #expect(index.nearest(to: "nothing of it", 3).isEmpty && RowIndex([]).nearest(to: "red", 3).isEmpty)
        // Of equals the first comes first.
        #expect(RowIndex(["a b", "a b", "c d"]).nearest(to: "b", 1) == [0])
    }

    @Test func rowsStandBeforeTheQuestion() async throws {
        let model = try await LanguageModel.load(from: Scene.model)
        func row(_ user: String, _ answer: String) -> Example {
            let turns = [Message(.system, "s"), Message(.user, user), Message(.assistant, answer)]
            return Example(chat: Chat(turns), source: .init(file: "rows", line: 1))
        }
        let long = String(repeating: "red ", count: 400)
        let data = Dataset(name: "rows", examples: [row("red fox", "1"), row("red hen", "2"), row(long, "3")])
        let retriever = try Retriever(data, examples: 2, for: model, limit: 128, answer: 32)
        #expect(retriever.count == 2)
        let shown = retriever.shown(Chat([Message(.system, "be brief"), Message(.user, "a red hen")]))
        #expect(shown.messages.map(\.content) == ["be brief", "red fox", "1", "red hen", "2", "a red hen"])
        let plain = Chat(user: "nothing alike")
        #expect(retriever.shown(plain) == plain)
        // What the context does not hold is left out, the least alike first.
        let context = model.configuration.contextLength
        let tokenizer = try model.requireTokenizer()
        let question = Chat(user: "a red hen")
        let one =
            try tokenizer.encode(model.promptText(question)).count
            + tokenizer.encode(model.promptText(Chat([Message(.user, "red hen"), Message(.assistant, "2")]))).count
        let narrow = try Retriever(data, examples: 2, for: model, limit: 128, answer: context - one)
        #expect(narrow.shown(question).messages.map(\.content) == ["red hen", "2", "a red hen"])
    }

    /// It is assessed like any subject, is there while the run goes on, and can be added to a run that is over.
    @Test func aRunLooksUpInsteadOfLearning() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        func recipe(_ more: String...) throws -> Recipe {
            let overrides = ["align=null", "assess.controls=false", "defences=[]"] + more
            return try Recipe.parse(scene.yaml("found"), file: "found.yaml", overrides: overrides)
        }
        let before = try await MainJob(try recipe(), sink: Recorder()).run()
        #expect(before.retrieval == nil)
        let recorder = Recorder()
        let report = try await MainJob(try recipe("retrieval.examples=2"), sink: recorder).run()
        let phases = recorder.events.filter { $0.kind == .phase && $0.phase.hasPrefix("assess") }.map(\.phase)
        #expect(phases == ["assess retrieval"])
        let found = try #require(report.retrieval)
        #expect(found.examples == 2 && (found.rows ?? 0) > 0 && (found.addedTokens ?? 0) > 0)
        let subject = try #require(report.subjects.first { $0.kind == .retrieval })
        #expect(subject.name == "retrieval" && !subject.axes.isEmpty)
        let bases = Set(report.comparisons.filter { $0.subject == "retrieval" }.map(\.base))
        #expect(bases == ["raw", try #require(report.subjects.last { $0.kind == .checkpoint }?.name)])
        let cost = try #require(report.cost)
        let read = { (name: String) in cost.phases.first { $0.name == "assess \(name)" }?.tokens ?? 0 }
        #expect(read("retrieval") > read("raw"))
        // Nothing else has changed.
        #expect(report.subjects.filter { $0.kind != .retrieval } == before.subjects)

        let told = try #require(try await UnfinishedRun().report(of: scene.directory("found")))
        #expect(told.subjects == report.subjects && told.retrieval?.examples == 2)
        // Another number is another subject.
        let second = Recorder()
        let again = try await MainJob(try recipe("retrieval.examples=1"), sink: second).run()
        #expect(again.retrieval?.examples == 1)
        #expect(second.events.contains { $0.kind == .phase && $0.phase == "assess retrieval" })
    }
}
