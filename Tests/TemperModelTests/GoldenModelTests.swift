import Foundation
import TemperText
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel

/// Goldens made by `transformers` and `peft`; see Tests/Goldens/model/generate.py.
enum Golden {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens/model")

    static func json<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: name)))
    }

    static func floats(_ file: String, _ name: String) throws -> [Float] {
        try SafetensorsFile(contentsOf: folder.appending(path: file)).withBytes(of: name) { bytes in
            (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    /// All tensors of a float32 file, to be written again.
    static func tensors(of file: SafetensorsFile) throws -> [SafetensorsWriter.Tensor] {
        try file.names.map { name in
            SafetensorsWriter.Tensor(
                name: name,
                dtype: .float32,
                shape: file.entries[name]?.shape ?? [],
                data: try file.withBytes(of: name) { Data($0) }
            )
        }
    }

    /// The largest absolute difference.
    static func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }
}

@TorchActor
@Suite(.serialized)
struct GoldenModelTests {
    struct Logits: Decodable { var sequences: [String: [[Int]]] }

    private func load(_ name: String) async throws -> LanguageModel {
        try await .load(from: Golden.folder.appending(path: name), dtype: .float32)
    }

    private func logits(_ model: LanguageModel, _ sequences: [[Int]]) throws -> [Float] {
        try withoutGradients {
            try model.network.logits(model.network.hiddenStates(PackedBatch(sequences, device: .cpu))).floats()
        }
    }

    @Test(arguments: ["tiny-llama", "tiny-llama-untied"])
    func logitsEqualTransformers(name: String) async throws {
        let model = try await load(name)
        let sequences = try #require(try Golden.json(Logits.self, "logits.json").sequences[name])
        var expected: [Float] = []
        for (index, sequence) in sequences.enumerated() {
            let golden = try Golden.floats("logits.safetensors", "\(name).\(index)")
            #expect(Golden.distance(try logits(model, [sequence]), golden) < 1e-4)
            expected += golden
        }
        // All at once, packed: no sequence sees another.
        #expect(Golden.distance(try logits(model, sequences), expected) < 1e-4)
        // Laid out for inference.
        let merged = try model.merged()
        #expect(Golden.distance(try logits(merged, sequences), expected) < 1e-4)
    }

    /// What sequences begin with alike is computed once, and changes nothing: hidden states, gradients, and what is said.
    @Test func aSharedBeginningChangesNothing() async throws {
        let model = try await load("tiny-llama")
        let adapter = try Adapter.load(from: Golden.folder.appending(path: "lora"), for: model)
        adapter.attach(to: model)
        defer { model.network.detach() }
        for parameter in adapter.parameters { try parameter.setRequiresGradient(true) }
        let beginning = (0..<11).map { 3 + $0 * 5 }
        let sequences = [[7, 9, 4], [8], [7, 2, 2, 6, 5, 30, 31]].map { beginning + $0 }

        /// Hidden states of the last three tokens of each sequence, and the gradients of their sum of squares.
        func outcome(_ groups: [[[Int]]]) throws -> (states: [Float], gradients: [Float]) {
            var states: [Float] = []
            var gradients: [[Float]] = []
            for group in groups {
                let batch = try PackedBatch(group, device: .cpu)
                let rows = group.indices.flatMap { index in
                    (1...3).map { batch.row(of: group[index].count - $0, in: index) }
                }
                let hidden = try model.network.hiddenStates(batch).selected(0, Tensor(rows))
                states += try hidden.floats()
                let loss = try hidden.multiplied(by: hidden).multiplied(by: hidden).sum()
                gradients.append(try loss.gradients(of: adapter.parameters).flatMap { try $0.floats() })
            }
            let sum = gradients[0].indices.map { index in gradients.reduce(0) { $0 + $1[index] } }
            return (states, sum)
        }
        #expect(try PackedBatch(sequences, device: .cpu).shared == [0, 11, 11, 11])
        let together = try outcome([sequences])
        let apart = try outcome(sequences.map { [$0] })
        #expect(Golden.distance(together.states, apart.states) < 1e-5)
        let scale = apart.gradients.reduce(0) { max($0, abs($1)) }
        #expect(Golden.distance(together.gradients, apart.gradients) < 1e-5 * scale)

        let generator = Generator(model.network, batchSize: 3)
        let options = SamplingOptions(maxNewTokens: 6)
        let said = try generator.generate(sequences, options: options, endIDs: [])
        let alone = try sequences.flatMap { try generator.generate([$0], options: options, endIDs: []) }
        #expect(said == alone)
    }

    @Test func ggufEqualsTransformers() async throws {
        struct File: Decodable {
            struct Text: Decodable {
                var text: String
                var ids: [Int]
            }
            struct Conversation: Decodable {
                var messages: [Message]
                var text: String
                var ids: [Int]
            }
            var sequences: [[Int]]
            var tokenized: [Text]
            var chat: Conversation
        }
        let golden = try Golden.json(File.self, "gguf.json")
        let model = try await load("tiny-llama.gguf")
        for (index, sequence) in golden.sequences.enumerated() {
            let expected = try Golden.floats("gguf.safetensors", "gguf.\(index)")
            #expect(Golden.distance(try logits(model, [sequence]), expected) < 1e-4)
        }
        let tokenizer = try #require(model.tokenizer)
        for item in golden.tokenized { #expect(tokenizer.encode(item.text) == item.ids) }
        let text = try model.promptText(Chat(golden.chat.messages))
        #expect(text == golden.chat.text)
        #expect(tokenizer.encode(text) == golden.chat.ids)
    }

    @Test func adapterEqualsPEFT() async throws {
        let model = try await load("tiny-llama")
        let sequences = try #require(try Golden.json(Logits.self, "logits.json").sequences["tiny-llama"])
        let adapter = try Adapter.load(from: Golden.folder.appending(path: "lora"), for: model)
        adapter.attach(to: model)
        let merged = try model.merged()
        for (index, sequence) in sequences.enumerated() {
            let on = try Golden.floats("lora_logits.safetensors", "adapter.\(index)")
            #expect(Golden.distance(try logits(model, [sequence]), on) < 1e-4)
            #expect(Golden.distance(try logits(merged, [sequence]), on) < 1e-4)
        }
        model.network.detach()
        let plain = try Golden.floats("logits.safetensors", "tiny-llama.0")
        #expect(Golden.distance(try logits(model, [sequences[0]]), plain) < 1e-4)
    }

    @Test func generationEqualsTransformers() async throws {
        struct File: Decodable {
            var prompts: [[Int]]
            var max_new_tokens: Int
            var without_eos: [[Int]]
            var eos_id: Int
            var with_eos: [[Int]]
        }
        let golden = try Golden.json(File.self, "generation.json")
        let model = try await load("tiny-llama")
        let options = SamplingOptions(maxNewTokens: golden.max_new_tokens)
        for batchSize in [1, 2, 3, 8] {
            let generator = Generator(model.network, batchSize: batchSize)
            let free = try generator.generate(golden.prompts, options: options, endIDs: [])
            #expect(free.map(\.ids) == golden.without_eos)
            #expect(free.allSatisfy { $0.finishReason == .length })
            let ended = try generator.generate(golden.prompts, options: options, endIDs: [golden.eos_id])
            #expect(ended.map(\.ids) == golden.with_eos)
        }
    }

    @Test func samplingDoesNotDependOnTheBatch() async throws {
        struct File: Decodable { var prompts: [[Int]] }
        let prompts = try Golden.json(File.self, "generation.json").prompts
        let model = try await load("tiny-llama")
        let options = SamplingOptions(maxNewTokens: 12, temperature: 0.9, topK: 30, topP: 0.9, seed: 7)
        let together = try Generator(model.network, batchSize: 5).generate(prompts, options: options, endIDs: [])
        let inTurn = try Generator(model.network, batchSize: 1).generate(prompts, options: options, endIDs: [])
        #expect(together == inTurn)
        var other = options
        other.seed = 8
        #expect(try Generator(model.network, batchSize: 5).generate(prompts, options: other, endIDs: []) != together)
    }

    @Test func filteredDistributionEqualsTransformers() throws {
        struct File: Decodable {
            struct Case: Decodable {
                var temperature: Double
                var top_k: Int
                var top_p: Double
                var ids: [Int]
                var probabilities: [Double]
            }
            var filter_logits: [Float]
            var filtered: [Case]
        }
        let golden = try Golden.json(File.self, "generation.json")
        for item in golden.filtered {
            let options = SamplingOptions(temperature: item.temperature, topK: item.top_k, topP: item.top_p)
            let found = Dictionary(
                uniqueKeysWithValues: Sampler.distribution(golden.filter_logits, options).map {
                    ($0.id, $0.probability)
                }
            )
            #expect(Set(found.keys) == Set(item.ids))
            for (id, probability) in zip(item.ids, item.probabilities) {
                #expect(abs((found[id] ?? 0) - probability) < 1e-5)
            }
        }
    }
}
