import Foundation
import TemperModel
import TemperTorch
import Testing

@testable import TemperTune

/// What stands on the disk around a checkpoint: its layout's version, what it replaces, and what killed writes leave.
@TorchActor
@Suite(.serialized)
struct CheckpointTests {
    private func trainer() async throws -> Trainer {
        let (model, adapter) = try await GoldenTuningTests.start()
        let golden = try GoldenTuningTests.golden()
        return try Trainer(
            model: model,
            training: adapter,
            rows: golden.sequences.indices.map(golden.row),
            settings: GoldenTuningTests.settings(),
            seed: 1
        )
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-checkpoint-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test func anotherLayoutIsRefused() async throws {
        try await withFolder { folder in
            let trainer = try await trainer()
            let checkpoint = try trainer.saveCheckpoint(under: folder, last: nil)
            let file = checkpoint.appending(path: "state.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(text.replacing("\"schema\" : 1", with: "\"schema\" : 9").utf8).write(to: file)
            let error = #expect(throws: CheckpointError.self) { try trainer.restore(from: checkpoint) }
            #expect(error?.description.contains("version 9") == true && error?.description.contains("run_name") == true)
        }
    }

    @Test func savingAgainReplacesAndClearsUp() async throws {
        try await withFolder { folder in
            let trainer = try await trainer()
            let checkpoint = try trainer.saveCheckpoint(under: folder, last: nil)
            try Data("old".utf8).write(to: checkpoint.appending(path: "optimizer.safetensors"))
            for leftover in [".tmp-step-000007", ".old-step-000000"] {
                try FileManager.default.createDirectory(
                    at: folder.appending(path: leftover),
                    withIntermediateDirectories: true
                )
            }
            #expect(try trainer.saveCheckpoint(under: folder, last: nil).path == checkpoint.path)
            #expect(try names(folder) == ["step-000000"])
            _ = try trainer.restore(from: checkpoint)
        }
    }

    /// Killed between the two renames: the old checkpoint is there, aside.
    @Test func whatWasMovedAsideComesBack() async throws {
        try await withFolder { folder in
            let trainer = try await trainer()
            let checkpoint = try trainer.saveCheckpoint(under: folder, last: nil)
            try FileManager.default.moveItem(at: checkpoint, to: folder.appending(path: ".old-step-000000"))
            #expect(Checkpoint.all(in: folder).isEmpty)
            Checkpoint.tidy(folder)
            #expect(try names(folder) == ["step-000000"])
            _ = try trainer.restore(from: checkpoint)
        }
    }

    @Test func trainedOnAnAlignmentItHoldsBoth() async throws {
        try await withFolder { folder in
            let trainer = try await trainer()
            let alignment = try Adapter(LoRAConfiguration(r: 2), for: trainer.model, seed: 4)
            let checkpoint = try trainer.saveCheckpoint(under: folder, last: nil, alignment: alignment)
            struct Configuration: Decodable {
                var r: Int
                var base_model_name_or_path: String
            }
            func read(_ url: URL) throws -> Configuration {
                try JSONDecoder().decode(
                    Configuration.self,
                    from: Data(contentsOf: url.appending(path: "adapter_config.json"))
                )
            }
            let (own, both) = (try read(checkpoint), try read(checkpoint.appending(path: Adapter.onBase)))
            #expect(both.r == own.r + 2 && both.base_model_name_or_path == trainer.model.url.path)
            #expect(own.base_model_name_or_path != trainer.model.url.path)
            _ = try trainer.restore(from: checkpoint)
        }
    }
}
