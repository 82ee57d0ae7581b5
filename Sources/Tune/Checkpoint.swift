public import Foundation
import TemperModel
import TemperTorch
import TemperWeights

/// Why a checkpoint cannot be used.
public enum CheckpointError: Error, CustomStringConvertible, Sendable {
    /// The files are not those of a checkpoint, or are damaged.
    case damaged(path: String, reason: String)
    /// The checkpoint belongs to another training.
    case mismatch(path: String, reason: String)

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .damaged(let path, let reason):
            "checkpoint \(path) is damaged: \(reason); delete it to resume from the one before"
        case .mismatch(let path, let reason): "checkpoint \(path) belongs to another training: \(reason)"
        }
    }
}

/// Saving and restoring a training, so that a resumed run equals an uninterrupted one bit for bit on the CPU.
///
/// A checkpoint is a directory: the adapter in PEFT's files, the optimiser's moments, and `state.json`. It is written
/// under a temporary name and renamed when every file is on disk: a killed process leaves either a whole checkpoint or
/// none. The position in the data is the step itself, because the data order is a function of seed and step.
public struct Checkpoint: Codable, Sendable, Hashable {
    /// Version of this file's layout.
    public var schema = 1
    /// Steps taken.
    public var step: Int
    /// All steps of the training.
    public var totalSteps: Int
    /// Identifies the training.
    public var fingerprint: String
    /// What the last step did.
    public var last: StepReport?

    enum CodingKeys: String, CodingKey {
        case schema, step, fingerprint, last
        case totalSteps = "total_steps"
    }

    /// `step-000016`
    public static func name(step: Int) -> String {
        "step-" + String(repeating: "0", count: max(0, 6 - "\(step)".count)) + "\(step)"
    }

    /// The whole checkpoints under a directory, by step; leftovers of killed writes do not count.
    public static func all(in directory: URL) -> [(step: Int, url: URL)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return names.compactMap { name in
            let url = directory.appendingPathComponent(name)
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)),
                FileManager.default.fileExists(atPath: url.appendingPathComponent("state.json").path)
            else { return nil }
            return (step, url)
        }.sorted { $0.step < $1.step }
    }
}

extension Trainer {
    /// Writes a checkpoint of the present step under `directory`; returns its own directory.
    @discardableResult
    public func saveCheckpoint(under directory: URL, last: StepReport?) throws -> URL {
        let manager = FileManager.default
        let final = directory.appendingPathComponent(Checkpoint.name(step: step))
        let temporary = directory.appendingPathComponent(".tmp-\(Checkpoint.name(step: step))")
        try? manager.removeItem(at: temporary)
        do {
            try manager.createDirectory(at: temporary, withIntermediateDirectories: true)
            try adapter.save(to: temporary, baseModel: model.url.path)
            var tensors: [SafetensorsWriter.Tensor] = []
            for ((module, _), index) in zip(adapter.pairs, 0...) {
                for (offset, matrix) in ["lora_A", "lora_B"].enumerated() {
                    let moments = optimizer.moments[index * 2 + offset]
                    tensors.append(Adapter.stored("\(module).\(matrix).first_moment", moments.first))
                    tensors.append(Adapter.stored("\(module).\(matrix).second_moment", moments.second))
                }
            }
            try SafetensorsWriter.write(
                tensors: tensors,
                metadata: ["step": "\(step)"],
                to: temporary.appendingPathComponent("optimizer.safetensors")
            )
            let state = Checkpoint(step: step, totalSteps: totalSteps, fingerprint: fingerprint, last: last)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try AtomicFile.write(try encoder.encode(state), to: temporary.appendingPathComponent("state.json"))
            try? manager.removeItem(at: final)
            try manager.moveItem(at: temporary, to: final)
        } catch {
            try? manager.removeItem(at: temporary)
            if error is WeightsError || error is TorchError { throw error }
            throw WeightsError.cannotWrite(path: final.path, reason: error.localizedDescription)
        }
        return final
    }

    /// Takes up a training where a checkpoint left it.
    public func restore(from directory: URL) throws -> Checkpoint {
        let path = directory.path
        let state: Checkpoint
        do {
            state = try JSONDecoder().decode(
                Checkpoint.self,
                from: Data(contentsOf: directory.appendingPathComponent("state.json"))
            )
        } catch {
            throw CheckpointError.damaged(path: path, reason: "state.json cannot be read")
        }
        guard state.fingerprint == fingerprint, state.totalSteps == totalSteps else {
            throw CheckpointError.mismatch(
                path: path,
                reason: "model, data or settings changed; start under another run_name"
            )
        }
        let saved = try Adapter.load(from: directory, for: model)
        guard saved.pairs.map(\.module) == adapter.pairs.map(\.module), saved.configuration.r == adapter.configuration.r
        else {
            throw CheckpointError.mismatch(path: path, reason: "its adapter has other modules or another rank")
        }
        let file = try SafetensorsFile(contentsOf: directory.appendingPathComponent("optimizer.safetensors"))
        func moment(_ name: String, like parameter: Tensor) throws -> Tensor {
            guard let entry = file.entries[name], entry.shape == parameter.shape, entry.dtype == .float32 else {
                throw CheckpointError.damaged(
                    path: path,
                    reason: "optimizer.safetensors lacks \(name) or has it misshapen"
                )
            }
            return try file.withBytes(of: name) { try Tensor(bytes: $0, shape: entry.shape, dtype: .float32) }
        }
        // Everything is read before anything is changed: a damaged file leaves the training as it was.
        var changes: [(target: Tensor, value: Tensor)] = []
        for (index, (own, stored)) in zip(adapter.pairs, saved.pairs).enumerated() {
            let matrices = [("lora_A", own.pair.a, stored.pair.a), ("lora_B", own.pair.b, stored.pair.b)]
            for (offset, (matrix, parameter, value)) in matrices.enumerated() {
                let moments = optimizer.moments[index * 2 + offset]
                changes += [
                    (parameter, value),
                    (moments.first, try moment("\(own.module).\(matrix).first_moment", like: parameter)),
                    (moments.second, try moment("\(own.module).\(matrix).second_moment", like: parameter)),
                ]
            }
        }
        for change in changes { try change.target.copy(from: change.value) }
        optimizer.step = state.step
        return state
    }
}
