import Foundation
import TemperText
import TemperTorch
import Testing

@testable import TemperModel

/// The real model's file.
private enum SmolLM {
    static let file = Golden.folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")
    static let isThere = FileManager.default.fileExists(atPath: file.path)
}

/// The small real model against `transformers` on the same dequantised weights; see Tests/Goldens/model/generate.py.
@TorchActor
@Suite(.serialized, .enabled("SmolLM2-135M-Instruct is there") { SmolLM.isThere })
struct SmolLMTests {
    /// Loaded once for all tests.
    static let model = Task { try await LanguageModel.load(from: SmolLM.file, dtype: .float32) }

    struct File: Decodable {
        struct Prompt: Decodable {
            var messages: [Message]
            var text: String
            var ids: [Int]
            var logits: [Double]
            var top_ids: [Int]
            var top_logits: [Double]
            var greedy_ids: [Int]
            var greedy_text: String
        }
        struct Paragraph: Decodable {
            var text: String
            var ids: [Int]
            var loss: Double
        }
        var eos_id: Int
        var logit_indices: [Int]
        var prompts: [Prompt]
        var paragraph: Paragraph
    }

    private func lastLogits(_ model: LanguageModel, _ ids: [Int]) throws -> [Double] {
        try withoutGradients { () throws(TorchError) in
            let hidden = try model.network.hiddenStates(PackedBatch([ids], device: .cpu))
            return try model.network.logits(hidden.selected(0, Tensor([ids.count - 1]))).floats().map(Double.init)
        }
    }

    @Test func promptsAndLogitsEqualTransformers() async throws {
        let golden = try Golden.json(File.self, "smollm2.json")
        let model = try await Self.model.value
        let tokenizer = try #require(model.tokenizer)
        let merged = try model.merged()
        for prompt in golden.prompts {
            #expect(try model.promptText(Chat(prompt.messages)) == prompt.text)
            #expect(tokenizer.encode(prompt.text) == prompt.ids)
            // Plain, and laid out for inference.
            for variant in [model, merged] {
                let found = try lastLogits(variant, prompt.ids)
                for (index, value) in zip(golden.logit_indices, prompt.logits) {
                    #expect(abs(found[index] - value) < 1e-4 * max(1, abs(value)))
                }
                let top = found.indices.sorted { found[$0] > found[$1] }.prefix(prompt.top_ids.count)
                #expect(Array(top) == prompt.top_ids)
                for (id, value) in zip(prompt.top_ids, prompt.top_logits) {
                    #expect(abs(found[id] - value) < 1e-4 * max(1, abs(value)))
                }
            }
        }
    }

    @Test func greedyContinuationEqualsTransformers() async throws {
        let golden = try Golden.json(File.self, "smollm2.json")
        let model = try await Self.model.value.merged()
        let tokenizer = try #require(model.tokenizer)
        #expect(tokenizer.eosID == golden.eos_id && tokenizer.endOfTurnIDs.contains(golden.eos_id))
        let options = SamplingOptions(maxNewTokens: 16)
        for batchSize in [1, 3] {
            let outputs = try Generator(model.network, batchSize: batchSize)
                .generate(golden.prompts.map(\.ids), options: options, endIDs: [golden.eos_id])
            #expect(outputs.map(\.ids) == golden.prompts.map(\.greedy_ids))
        }
        let answers = try await LocalResponder(model).respond(
            to: golden.prompts.map { Chat($0.messages) },
            options: options
        )
        #expect(answers.map(\.text) == golden.prompts.map(\.greedy_text))
        #expect(answers.map(\.tokenCount) == golden.prompts.map(\.greedy_ids.count))
    }

    @Test func paragraphLossEqualsTransformers() async throws {
        let paragraph = try Golden.json(File.self, "smollm2.json").paragraph
        let model = try await Self.model.value
        #expect(model.tokenizer?.encode(paragraph.text) == paragraph.ids)
        let count = paragraph.ids.count
        let loss = try withoutGradients { () throws(TorchError) in
            let hidden = try model.network.hiddenStates(PackedBatch([paragraph.ids], device: .cpu)).narrowed(
                0,
                from: 0,
                length: count - 1
            )
            return try Layers.linearCrossEntropy(
                hidden: hidden,
                head: try model.network.outputHead(),
                targets: Tensor(Array(paragraph.ids.dropFirst()))
            ).item() / Double(count - 1)
        }
        #expect(abs(loss - paragraph.loss) < 1e-4)
    }

    // MARK: Text

    private static let texts = Golden.folder.deletingLastPathComponent().appending(path: "text")

    private func read<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: Self.texts.appending(path: name)))
    }

    @Test func idsEqualTheReference() async throws {
        struct Encoding: Decodable {
            var text: String
            var ids: [Int]
            var decoded: String?
            var cut: String?
        }
        let tokenizer = try #require(try await Self.model.value.tokenizer)
        for golden in try read([Encoding].self, "smollm2_ids.json") {
            #expect(tokenizer.encode(golden.text) == golden.ids, "\(golden.text.debugDescription)")
            #expect(tokenizer.decode(golden.ids).utf8.elementsEqual((golden.decoded ?? golden.text).utf8))
            if let cut = golden.cut {
                let part = Array(golden.ids[1...golden.ids.count / 2])
                #expect(tokenizer.decode(part, skipSpecialTokens: true).utf8.elementsEqual(cut.utf8))
            }
        }
    }

    /// Optimised code takes about 0.02 s for each; the limit leaves room for debug builds on a busy machine.
    @Test func longRunsWithoutASpace() async throws {
        let tokenizer = try #require(try await Self.model.value.tokenizer)
        for unit in ["a", "he", "="] {
            let text = String(repeating: unit, count: 100_000 / unit.utf8.count)
            var ids: [Int] = []
            let elapsed = ContinuousClock().measure { ids = tokenizer.encode(text) }
            #expect(elapsed < .seconds(15), "\(unit)")
            #expect(tokenizer.decode(ids).utf8.elementsEqual(text.utf8))
        }
    }

    @Test func conversationsEqualTheReference() async throws {
        struct Rendering: Decodable {
            var chat: [Message]
            var prompt: Bool
            var text: String
        }
        let template = try #require(try await Self.model.value.tokenizer?.chatTemplate)
        for golden in try read([Rendering].self, "smollm2_chat.json") {
            let text = try template.render(Chat(golden.chat), addGenerationPrompt: golden.prompt).text
            #expect(text.utf8.elementsEqual(golden.text.utf8), "\(text.debugDescription)")
        }
    }
}
