import Foundation
import TemperText
import TemperTorch
import Testing

@testable import TemperModel

/// The file that Scripts/fetch-test-models brings.
private let file = Golden.folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: ".deps/models/Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf")

/// A real model of another family and other block formats against `transformers`; see Tests/Goldens/model/qwen.py.
@TorchActor
@Suite(
    .serialized,
    .enabled("Qwen2.5-Coder-0.5B-Instruct is there") { FileManager.default.fileExists(atPath: file.path) }
)
struct QwenTests {
    struct Expected: Decodable {
        struct Prompt: Decodable {
            var messages: [Message]
            var text: String
            var ids: [Int]
            var logits: [Float]
            var greedy_ids: [Int]
        }
        var logit_indices: [Int]
        var prompts: [Prompt]
    }

    @Test func promptsLogitsAndTextEqualTransformers() async throws {
        let expected = try Golden.json(Expected.self, "qwen.json")
        let model = try await LanguageModel.load(from: file, dtype: .float32)
        let tokenizer = try model.requireTokenizer()
        for prompt in expected.prompts {
            let text = try model.promptText(Chat(prompt.messages))
            #expect(text == prompt.text)
            #expect(tokenizer.encode(text) == prompt.ids)
            let logits = try withoutGradients {
                let hidden = try model.network.hiddenStates(PackedBatch([prompt.ids], device: .cpu))
                return try model.network.logits(hidden.selected(0, Tensor([prompt.ids.count - 1]))).floats()
            }
            #expect(Golden.distance(expected.logit_indices.map { logits[$0] }, prompt.logits) < 2e-3)
        }
        let options = SamplingOptions(maxNewTokens: 12)
        let written = try Generator(model.network, batchSize: 3)
            .generate(expected.prompts.map(\.ids), options: options, endIDs: [])
        #expect(written.map(\.ids) == expected.prompts.map(\.greedy_ids))
    }
}
