public import Foundation
public import TemperModel
import TemperTorch
import TemperWeights

/// Why a checkpoint cannot be used.
public enum CheckpointError: Error, CustomStringConvertible, Sendable {
    /// The files are not those of a checkpoint, or are damaged.
    case damaged(path: String, reason: String)
    /// The checkpoint belongs to another training.
    case mismatch(path: String, reason: String)
    /// A step has to be assessed, and only later checkpoints are there.
    case missing(path: String)

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .damaged(let path, let reason):
            "checkpoint \(path) is damaged: \(reason); delete it to resume from the one before"
        case .mismatch(let path, let reason): "checkpoint \(path) belongs to another training: \(reason)"
        case .missing(let path):
            "checkpoint \(path) is missing or damaged, and its step is not assessed yet; delete the later checkpoints "
                + "beside it, and training goes on from the one before"
        }
    }
}

/// Saving and restoring a training, so that a resumed run equals an uninterrupted one bit for bit on the CPU.
///
/// A checkpoint is a directory: the adapter in PEFT's files or the weights in Hugging Face's, the optimiser's moments, and
/// `state.json`. It is written
/// under a temporary name and renamed when every file is on disk: a killed process leaves either a whole checkpoint or
/// none. The position in the data is the step itself, because the data order is a function of seed and step.
public struct Checkpoint: Codable, Sendable, Hashable {
    /// The version of the layout that this build writes and reads.
    public static let currentSchema = 1
    /// What only a training that goes on needs of its files; beside them a folder may be a model.
    package static let filesToGoOn = ["optimizer.safetensors", "state.json"]

    /// Version of this file's layout.
    public var schema = Self.currentSchema
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

    /// Throws away the checkpoints under a directory that are later than a step.
    package static func removeAll(after step: Int, in directory: URL) throws {
        for (later, url) in all(in: directory) where later > step { try FileManager.default.removeItem(at: url) }
    }

    /// Clears up what killed writes left under a directory: half a checkpoint goes, one that was moved aside comes back.
    public static func tidy(_ directory: URL) {
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: directory.path)) ?? [] {
            let leftover = directory.appendingPathComponent(name)
            if name.hasPrefix(temporaryPrefix) { try? manager.removeItem(at: leftover) }
            guard name.hasPrefix(asidePrefix) else { continue }
            let final = directory.appendingPathComponent(String(name.dropFirst(asidePrefix.count)))
            // The move fails where the new checkpoint is in place; then the old one is not needed any more.
            if (try? manager.moveItem(at: leftover, to: final)) == nil { try? manager.removeItem(at: leftover) }
        }
    }

    fileprivate static let temporaryPrefix = ".tmp-"
    fileprivate static let asidePrefix = ".old-"

    /// Puts a complete directory in the place of another; at every moment one of the two is there, perhaps moved aside.
    fileprivate static func move(_ temporary: URL, to final: URL) throws {
        let manager = FileManager.default
        let aside = final.deletingLastPathComponent().appendingPathComponent(asidePrefix + final.lastPathComponent)
        if manager.fileExists(atPath: final.path) { try manager.moveItem(at: final, to: aside) }
        try manager.moveItem(at: temporary, to: final)
        // A rename is on the disk only when the directory is; some file systems refuse that, and it is no error there.
        let descriptor = open(final.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
        try? manager.removeItem(at: aside)
    }
}

extension Trainer {
    /// Writes a checkpoint of the present step under `directory`; returns its own directory.
    ///
    /// - Parameter alignment: The adapter that was merged into the model before this training. What is trained here
    ///   fits only the model with it; so the checkpoint also holds both in one adapter that fits the base.
    @discardableResult
    public func saveCheckpoint(under directory: URL, last: StepReport?, alignment: Adapter? = nil) throws -> URL {
        let manager = FileManager.default
        let final = directory.appendingPathComponent(Checkpoint.name(step: step))
        let temporary = directory.appendingPathComponent(Checkpoint.temporaryPrefix + Checkpoint.name(step: step))
        Checkpoint.tidy(directory)
        do {
            try manager.createDirectory(at: temporary, withIntermediateDirectories: true)
            try trained.save(to: temporary, of: model, for: model.url.path, alignment: alignment)
            var tensors: [SafetensorsWriter.Tensor] = []
            for (name, moments) in zip(trained.names, optimizer.moments) {
                tensors.append(Adapter.stored("\(name).first_moment", moments.first))
                tensors.append(Adapter.stored("\(name).second_moment", moments.second))
            }
            for (name, start) in zip(trained.names, anchor ?? []) {
                tensors.append(Adapter.stored("\(name).anchor", start))
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
            try Checkpoint.move(temporary, to: final)
        } catch {
            Checkpoint.tidy(directory)
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
        guard state.schema == Checkpoint.currentSchema else {
            throw CheckpointError.mismatch(
                path: path,
                reason: "its layout has version \(state.schema), this program reads \(Checkpoint.currentSchema); "
                    + "start under another run_name"
            )
        }
        guard state.fingerprint == fingerprint, state.totalSteps == totalSteps else {
            throw CheckpointError.mismatch(
                path: path,
                reason: "model, data or settings changed; start under another run_name"
            )
        }
        guard let saved = try trained.saved(in: directory, for: model) else {
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
        for (index, name) in trained.names.enumerated() {
            let (parameter, moments) = (trained.parameters[index], optimizer.moments[index])
            changes += [
                (parameter, saved[index]),
                (moments.first, try moment("\(name).first_moment", like: parameter)),
                (moments.second, try moment("\(name).second_moment", like: parameter)),
            ]
        }
        let start =
            holdsPhases && state.step > 0
            ? try zip(trained.names, trained.parameters).map { try moment("\($0).anchor", like: $1) } : nil
        for change in changes { try change.target.copy(from: change.value) }
        anchor = try start?.map { value in try value.to(device: model.device) }
        try trained.refresh()
        optimizer.step = state.step
        return state
    }
}
