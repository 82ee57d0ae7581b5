import Foundation
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel

/// Adapters on disk: what PEFT reads of ours and we read of PEFT's, and what is refused.
@TorchActor
@Suite(.serialized)
struct AdapterFilesTests {
    private static let golden = Golden.folder.appending(path: "lora")

    private func load() async throws -> LanguageModel {
        try await .load(from: Golden.folder.appending(path: "tiny-llama"), dtype: .float32)
    }

    /// An adapter in which nothing is zero.
    private func trained(_ configuration: LoRAConfiguration, for model: LanguageModel) throws -> Adapter {
        let adapter = try Adapter(configuration, for: model, seed: 3)
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            try pair.b.copy(from: .uniform(-0.2, 0.2, shape: pair.b.shape, seed: UInt64(50 + index)))
        }
        return adapter
    }

    private static func object(_ folder: URL) throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appending(path: "adapter_config.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private static func edit(_ folder: URL, _ key: String, _ value: Any) throws {
        var object = try object(folder)
        object[key] = value
        try JSONSerialization.data(withJSONObject: object).write(to: folder.appending(path: "adapter_config.json"))
    }

    @Test func savedFilesAreThoseOfPEFT() async throws {
        let model = try await load()
        try await withFolder { folder in
            // What PEFT wrote, read and written again, holds the same bytes under the same names.
            try Adapter.load(from: Self.golden, for: model).save(to: folder, baseModel: "tiny-llama")
            let theirs = try SafetensorsFile(contentsOf: Self.golden.appending(path: "adapter_model.safetensors"))
            let ours = try SafetensorsFile(contentsOf: folder.appending(path: "adapter_model.safetensors"))
            #expect(Set(ours.names) == Set(theirs.names) && ours.metadata["format"] == "pt")
            for name in theirs.names {
                #expect(ours.entries[name]?.shape == theirs.entries[name]?.shape)
                #expect(ours.entries[name]?.dtype == theirs.entries[name]?.dtype)
                let bytes = try theirs.withBytes(of: name) { Data($0) }
                #expect(try ours.withBytes(of: name) { Data($0) } == bytes, "\(name)")
            }
            let (found, expected) = (try Self.object(folder), try Self.object(Self.golden))
            for (key, value) in found {
                let reference = try #require(expected[key], "PEFT has no key \(key)")
                #expect("\(reference)" == "\(value)" || (reference as? NSNumber) == (value as? NSNumber), "\(key)")
            }
            for key in [
                "peft_type", "r", "lora_alpha", "target_modules", "base_model_name_or_path", "bias", "task_type",
            ] {
                #expect(found[key] != nil, "\(key)")
            }
        }
    }

    @Test(arguments: [false, true])
    func savedAndLoadedIsTheSame(useRSLoRA: Bool) async throws {
        let model = try await load()
        let configuration = LoRAConfiguration(
            r: 3,
            loraAlpha: 7,
            targetModules: ["q_proj", "down_proj"],
            useRSLoRA: useRSLoRA
        )
        let adapter = try trained(configuration, for: model)
        try await withFolder { folder in
            try adapter.save(to: folder, baseModel: "tiny-llama")
            let loaded = try Adapter.load(from: folder, for: model)
            #expect(Set(loaded.configuration.targetModules) == ["q_proj", "down_proj"])
            #expect(loaded.pairs.map(\.module) == adapter.pairs.map(\.module) && loaded.pairs.count == 4)
            for (one, other) in zip(adapter.pairs, loaded.pairs) {
                #expect(one.pair.scale == other.pair.scale)
                #expect(try one.pair.a.floats() == other.pair.a.floats())
                #expect(try one.pair.b.floats() == other.pair.b.floats())
            }
        }
    }

    /// What `peft_roundtrip.py` prints.
    private struct Roundtrip: Decodable {
        var modules: [String]
        var logits: [[Float]]
    }

    @Test(
        .enabled("Python with peft is there") { Python.isThere },
        arguments: [false, true]
    )
    func peftComputesTheSameLogits(useRSLoRA: Bool) async throws {
        let model = try await load()
        let configuration = LoRAConfiguration(
            r: 3,
            loraAlpha: 7,
            targetModules: ["q_proj", "v_proj", "down_proj"],
            useRSLoRA: useRSLoRA
        )
        let adapter = try trained(configuration, for: model)
        let sequences = [[5, 9, 14, 40, 77, 3], [61, 62, 8]]
        let printed = try await withFolder { folder in
            try adapter.save(to: folder, baseModel: "tiny-llama")
            let ids = folder.appending(path: "ids.json")
            try JSONEncoder().encode(sequences).write(to: ids)
            let output = try await Python.run(
                Golden.folder.appending(path: "peft_roundtrip.py").path,
                "--model",
                Golden.folder.appending(path: "tiny-llama").path,
                "--adapter",
                folder.path,
                "--ids",
                ids.path
            )
            return try JSONDecoder().decode(Roundtrip.self, from: output)
        }
        #expect(Set(printed.modules) == Set(adapter.pairs.map(\.module)))
        let plain = try withoutGradients {
            try model.network.logits(model.network.hiddenStates(PackedBatch([sequences[0]], device: .cpu))).floats()
        }
        adapter.attach(to: model)
        for (sequence, expected) in zip(sequences, printed.logits) {
            let found = try withoutGradients {
                try model.network.logits(model.network.hiddenStates(PackedBatch([sequence], device: .cpu))).floats()
            }
            #expect(Golden.distance(found, expected) < 1e-4)
        }
        #expect(Golden.distance(plain, printed.logits[0]) > 1e-2, "the adapter changes nothing")
    }

    // MARK: Refused

    /// The message of the error that loading a copy of the golden adapter ends with, after `change`.
    private func message(_ model: LanguageModel, _ change: (URL) throws -> Void) async throws -> String {
        try await withFolder { folder in
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                try FileManager.default.copyItem(
                    at: Self.golden.appending(path: name),
                    to: folder.appending(path: name)
                )
            }
            try change(folder)
            do {
                _ = try Adapter.load(from: folder, for: model)
                return "no error"
            } catch {
                return "\(error)"
            }
        }
    }

    @Test func otherMathematicsIsRefused() async throws {
        let model = try await load()
        #expect(try await message(model) { _ in } == "no error")
        let edits: [(String, Any)] = [
            ("use_dora", true), ("use_qalora", true), ("lora_bias", true), ("bias", "all"), ("fan_in_fan_out", true),
            ("modules_to_save", ["lm_head"]), ("rank_pattern", ["q_proj": 2]), ("alpha_pattern", ["q_proj": 2]),
            ("peft_type", "IA3"), ("r", 0), ("alora_invocation_tokens", [1, 2]),
        ]
        for (key, value) in edits {
            let text = try await message(model) { try Self.edit($0, key, value) }
            #expect(
                text.contains("adapter_config.json") && text.contains("only plain LoRA is supported"),
                "\(key): \(text)"
            )
        }
        for value: Any in [false, "gaussian", "eva", "orthogonal", NSNull()] {
            #expect(try await message(model) { try Self.edit($0, "init_lora_weights", value) } == "no error")
        }
        for method in ["pissa", "pissa_niter_16", "olora", "corda", "loftq", "lora_ga"] {
            let text = try await message(model) { try Self.edit($0, "init_lora_weights", method) }
            #expect(text.contains("adapter_config.json: init_lora_weights \(method)"), "\(text)")
        }
        var text = try await message(model) { try Self.edit($0, "target_modules", ["q_proj", "conv"]) }
        #expect(text.contains("no module named conv"), "\(text)")
        text = try await message(model) { try Self.edit($0, "target_modules", ".*proj") }
        #expect(text.contains("target_modules .*proj is no list of names"), "\(text)")
        text = try await message(model) { try Data("{".utf8).write(to: $0.appending(path: "adapter_config.json")) }
        #expect(text.contains("adapter_config.json") && text.contains("cannot be read"), "\(text)")
    }

    @Test func otherTensorsAreRefused() async throws {
        let model = try await load()
        let stored = try SafetensorsFile(contentsOf: Self.golden.appending(path: "adapter_model.safetensors"))
        let name = try #require(stored.names.first { $0.hasSuffix("lora_B.weight") })
        func rewrite(_ folder: URL, _ change: (inout [SafetensorsWriter.Tensor]) -> Void) throws {
            var tensors = try Golden.tensors(of: stored)
            change(&tensors)
            try SafetensorsWriter.write(
                tensors: tensors,
                metadata: ["format": "pt"],
                to: folder.appending(path: "adapter_model.safetensors")
            )
        }
        var text = try await message(model) { folder in try rewrite(folder) { $0.removeAll { $0.name == name } } }
        #expect(text.contains("adapter_model.safetensors: tensor \(name) is missing"), "\(text)")
        text = try await message(model) { folder in
            try rewrite(folder) { tensors in
                for index in tensors.indices where tensors[index].name == name { tensors[index].shape.reverse() }
            }
        }
        #expect(text.contains(name) && text.contains("has shape"), "\(text)")
        text = try await message(model) { folder in
            try rewrite(folder) {
                $0.append(.init(name: "extra.weight", dtype: .float32, shape: [1], data: Data(count: 4)))
            }
        }
        #expect(text.contains("tensor extra.weight belongs to no module"), "\(text)")
        // A rank that is not the one of the tensors, and modules without tensors.
        text = try await message(model) { try Self.edit($0, "r", 5) }
        #expect(text.contains("has shape"), "\(text)")
        text = try await message(model) { try Self.edit($0, "target_modules", ["q_proj"]) }
        #expect(text.contains("belongs to no module"), "\(text)")
    }

    @Test func truncatedFilesAreRefused() async throws {
        let model = try await load()
        for share in [0.0, 0.01, 0.5, 0.999] {
            let text = try await message(model) { folder in
                let file = folder.appending(path: "adapter_model.safetensors")
                let bytes = try Data(contentsOf: file)
                try bytes.prefix(Int(Double(bytes.count) * share)).write(to: file)
            }
            #expect(text.contains("adapter_model.safetensors"), "\(share): \(text)")
        }
        let text = try await message(model) {
            try FileManager.default.removeItem(at: $0.appending(path: "adapter_model.safetensors"))
        }
        #expect(text.contains("cannot read") && text.contains("adapter_model.safetensors"), "\(text)")
    }
}
