public import Foundation
public import TemperTorch
import TemperWeights

/// All weights of a model, to be trained themselves: embedding, layers, norms and output head.
///
/// They are float32 copies, which stand in the place of the model's weights while they are on it. Their file has the names
/// of Hugging Face's and fits the model as it came, whatever was merged into it before the training.
@TorchActor
public final class FullWeights: Trainable {
    /// In the order of the network.
    private let weights: [(name: String, value: Tensor)]
    /// Those of the network whose place they have taken.
    private var places: [Weight] = []

    private init(_ weights: [(name: String, value: Tensor)]) {
        self.weights = weights
    }

    /// The weights of a model as they are now.
    public convenience init(of model: LanguageModel) throws {
        guard !model.network.linears.contains(where: \.isQuantized) else {
            throw ModelError.unsupported(
                path: model.url.path,
                feature: "training all weights while they are kept in four bits",
                remedy: "train an adapter, or leave the weights whole"
            )
        }
        var weights: [(String, Tensor)] = []
        for weight in model.network.weights { weights.append((weight.name, try weight.trainable())) }
        self.init(weights)
    }

    /// The weights themselves.
    public var parameters: [Tensor] { weights.map(\.value) }

    /// Their names in the Hugging Face files.
    public var names: [String] { weights.map(\.name) }

    /// Puts the weights in the place of the model's own.
    public func attach(to model: LanguageModel) throws {
        model.network.detach()
        places = model.network.weights
        for (place, own) in zip(places, weights) {
            precondition(place.name == own.name, "weights of another model")
            try place.replace(with: own.value)
        }
    }

    /// Makes what the model's layers read from the weights again.
    public func refresh() throws(TorchError) {
        for place in places { try place.refresh() }
    }

    /// A copy with its own memory.
    public func copy() throws(TorchError) -> FullWeights {
        var copies: [(String, Tensor)] = []
        for (name, value) in weights { copies.append((name, try value.detached().clone())) }
        return FullWeights(copies)
    }

    // MARK: Files

    private nonisolated static let fileName = "model.safetensors"

    /// Whether a directory holds the weights of a full training.
    public nonisolated static func lie(in directory: URL) -> Bool {
        FileManager.default.fileExists(atPath: directory.appendingPathComponent(fileName).path)
    }

    /// Writes the weights in float32; an alignment before is in them.
    public func save(to directory: URL, for base: String, alignment: Adapter?) throws {
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw WeightsError.cannotWrite(path: directory.path, reason: error.localizedDescription)
        }
        try SafetensorsWriter.write(
            tensors: weights.map { Adapter.stored($0.name, $0.value) },
            metadata: ["format": "pt", "base_model_name_or_path": base],
            to: directory.appendingPathComponent(Self.fileName)
        )
    }

    /// Reads what `save` wrote for this model.
    public static func load(from directory: URL, for model: LanguageModel) throws -> FullWeights {
        let file = try SafetensorsFile(contentsOf: directory.appendingPathComponent(fileName))
        let expected = model.network.weights
        if let extra = Set(file.names).subtracting(expected.map(\.name)).sorted().first {
            throw ModelError.adapter(path: file.url.path, reason: "tensor \(extra) belongs to no weight of this model")
        }
        var weights: [(String, Tensor)] = []
        for weight in expected {
            guard let entry = file.entries[weight.name] else {
                throw WeightsError.missingTensor(path: file.url.path, name: weight.name)
            }
            let shape = weight.tensor().shape
            guard entry.shape == shape else {
                throw ModelError.shape(path: file.url.path, tensor: weight.name, expected: shape, found: entry.shape)
            }
            guard entry.dtype == .float32 else {
                throw ModelError.unsupported(
                    path: file.url.path,
                    feature: "dtype \(entry.dtype.rawValue) of \(weight.name) in place of a weight",
                    remedy: "name the folder of a checkpoint, whose weights are F32"
                )
            }
            let value = try file.withBytes(of: weight.name) { try Tensor(bytes: $0, shape: shape, dtype: .float32) }
                .to(device: model.device)
            weights.append((weight.name, value))
        }
        return FullWeights(weights)
    }

    /// The weights of a checkpoint; any that fits the model does.
    public func saved(in directory: URL, for model: LanguageModel) throws -> [Tensor]? {
        try Self.load(from: directory, for: model).parameters
    }
}
