public import Foundation
public import TemperTorch
package import TemperWeights

/// The shape of a LoRA adapter, with PEFT's names and defaults.
public struct LoRAConfiguration: Codable, Sendable, Hashable {
    /// Rank of the update.
    public var r: Int
    /// The update is scaled by `lora_alpha / r`.
    public var loraAlpha: Double
    /// Last parts of the names of the modules that get a pair of matrices, or `allLinear`.
    public var targetModules: [String]
    /// Scale by `lora_alpha / sqrt(r)` instead (arXiv 2312.03732).
    public var useRSLoRA: Bool

    /// Every linear layer of a block, whatever the model calls them; an adapter names them one by one.
    public static let allLinear = ["all-linear"]

    /// Creates a configuration.
    public init(
        r: Int = 16,
        loraAlpha: Double = 32,
        targetModules: [String] = Self.allLinear,
        useRSLoRA: Bool = false
    ) {
        self.r = r
        self.loraAlpha = loraAlpha
        self.targetModules = targetModules
        self.useRSLoRA = useRSLoRA
    }

    /// What the product `B A` is multiplied by.
    public var scale: Double { useRSLoRA ? loraAlpha / Double(r).squareRoot() : loraAlpha / Double(r) }
}

/// LoRA matrices for a model: what training changes, and what is saved, in PEFT's files and names.
@TorchActor
public final class Adapter: Trainable {
    /// Rank, scale and targets.
    public nonisolated let configuration: LoRAConfiguration
    /// Matrices by module name, in the order of the network.
    package let pairs: [(module: String, pair: LoRAPair)]

    package init(_ configuration: LoRAConfiguration, pairs: [(module: String, pair: LoRAPair)]) {
        self.configuration = configuration
        self.pairs = pairs
    }

    /// A fresh adapter as PEFT starts one: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt 5), B zero.
    public convenience init(_ configuration: LoRAConfiguration, for model: LanguageModel, seed: UInt64) throws {
        try self.init(configuration, for: model.network.linears, of: model.url, device: model.device, seed: seed)
    }

    /// The same for the linear layers of any network, whose model lies at `url`.
    package convenience init(
        _ configuration: LoRAConfiguration,
        for linears: [Linear],
        of url: URL,
        device: Device,
        seed: UInt64
    ) throws {
        var configuration = configuration
        if configuration.targetModules == LoRAConfiguration.allLinear {
            configuration.targetModules = Self.modules(of: linears)
        }
        var pairs: [(String, LoRAPair)] = []
        for linear in try Self.targets(configuration.targetModules, among: linears, of: url) {
            let (output, input) = (linear.shape[0], linear.shape[1])
            let bound = 1 / Double(input).squareRoot()
            let a = try Tensor.uniform(
                -bound,
                bound,
                shape: [configuration.r, input],
                seed: seed &+ UInt64(pairs.count),
                device: device
            )
            let b = try Tensor.zeros([output, configuration.r], device: device)
            pairs.append((linear.name, LoRAPair(a: a, b: b, scale: configuration.scale)))
        }
        self.init(configuration, pairs: pairs)
    }

    /// Fails where the model lacks a module that an adapter of this shape would change; makes nothing.
    public static func check(_ configuration: LoRAConfiguration, for model: LanguageModel) throws {
        guard configuration.targetModules != LoRAConfiguration.allLinear else { return }
        _ = try targets(configuration.targetModules, among: model.network.linears, of: model.url)
    }

    /// The trainable tensors, A before B, in the order of the network.
    public var parameters: [Tensor] { pairs.flatMap { [$0.pair.a, $0.pair.b] } }

    /// Module and matrix of each parameter.
    public var names: [String] { pairs.flatMap { ["\($0.module).lora_A", "\($0.module).lora_B"] } }

    /// Trainable numbers.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

    /// Puts the matrices on the model's layers; layers without a pair become plain.
    public func attach(to model: LanguageModel) {
        attach(to: model.network.linears)
    }

    /// Puts the matrices on the linear layers of a network; layers without a pair become plain.
    package func attach(to linears: [Linear]) {
        let byName = Dictionary(uniqueKeysWithValues: pairs.map { ($0.module, $0.pair) })
        for linear in linears { linear.lora = byName[linear.name] }
    }

    /// A copy with its own memory.
    public func copy() throws(TorchError) -> Adapter {
        try mapped { pair throws(TorchError) in
            LoRAPair(a: try pair.a.detached().clone(), b: try pair.b.detached().clone(), scale: pair.scale)
        }
    }

    /// An adapter whose pairs are made from this one's.
    package func mapped(_ change: (LoRAPair) throws(TorchError) -> LoRAPair) throws(TorchError) -> Adapter {
        var changed: [(String, LoRAPair)] = []
        for (module, pair) in pairs { changed.append((module, try change(pair))) }
        return Adapter(configuration, pairs: changed)
    }

    /// One adapter that does what `earlier`, merged into the weights, and this one on top of it do together.
    ///
    /// `s1 B1 A1 + s2 B2 A2 = [s1 B1, s2 B2] [A1; A2]`: the ranks add up, the scale is 1, and only rounding differs. Where
    /// one of the two leaves a module alone, zeros stand in its place, because PEFT's files have one rank for all.
    package func composed(with earlier: Adapter) throws(TorchError) -> Adapter {
        let parts = [earlier, self]
        let rank = earlier.configuration.r + configuration.r
        let names = Set(parts.flatMap(\.configuration.targetModules)).sorted()
        var composed: [(String, LoRAPair)] = []
        for (module, like) in earlier.pairs + pairs where !composed.contains(where: { $0.0 == module }) {
            var rows: [Tensor] = []
            var columns: [Tensor] = []
            for part in parts {
                if let pair = part.pairs.first(where: { $0.module == module })?.pair {
                    rows.append(try pair.a.detached())
                    columns.append(try pair.b.detached().scaled(by: pair.scale))
                } else {
                    let r = part.configuration.r
                    rows.append(try .zeros([r, like.a.shape[1]], device: like.a.device))
                    columns.append(try .zeros([like.b.shape[0], r], device: like.b.device))
                }
            }
            let a = try Tensor.concatenated(rows, along: 0)
            let b = try Tensor.concatenated(columns, along: 1)
            composed.append((module, LoRAPair(a: a, b: b, scale: 1)))
        }
        return Adapter(LoRAConfiguration(r: rank, loraAlpha: Double(rank), targetModules: names), pairs: composed)
    }

    /// What linear modules are called, in the order of the network.
    fileprivate static func modules(of linears: [Linear]) -> [String] {
        linears.reduce(into: []) { names, linear in
            let name = linear.name.split(separator: ".").last.map(String.init) ?? linear.name
            if !names.contains(name) { names.append(name) }
        }
    }

    fileprivate static func targets(_ names: [String], among linears: [Linear], of url: URL) throws -> [Linear] {
        for name in names where !linears.contains(where: { $0.name == name || $0.name.hasSuffix(".\(name)") }) {
            throw ModelError.adapter(
                path: url.path,
                reason: "the model has no module named \(name); its linear modules end in "
                    + modules(of: linears).joined(separator: ", ")
            )
        }
        return linears.filter { linear in names.contains { linear.name == $0 || linear.name.hasSuffix(".\($0)") } }
    }
}

// MARK: PEFT's files

extension Adapter {
    private struct File: Codable {
        var peft_type: String
        var task_type: String?
        var base_model_name_or_path: String?
        var inference_mode: Bool?
        var r: Int
        var lora_alpha: Double
        var lora_dropout: Double?
        var bias: String?
        var fan_in_fan_out: Bool?
        var target_modules: Targets
        var use_rslora: Bool?
        var use_dora: Bool?
        var use_qalora: Bool?
        var lora_bias: Bool?
        var modules_to_save: [String]?
        var rank_pattern: [String: Int]?
        var alpha_pattern: [String: Double]?
        var init_lora_weights: Initialisation?
        var alora_invocation_tokens: [Int]?
    }

    /// `init_lora_weights` is a switch, or the name of a method.
    private enum Initialisation: Codable {
        case usual(Bool)
        case method(String)

        /// The methods that set the matrices alone; others also move the base, which an adapter's files do not hold.
        private static let leavingTheBase = ["gaussian", "eva", "orthogonal"]

        /// The method's name where it does not leave the base as it is.
        var changingTheBase: String? {
            guard case .method(let name) = self, !Self.leavingTheBase.contains(name.lowercased()) else { return nil }
            return name
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let isUsual = try? container.decode(Bool.self) {
                self = .usual(isUsual)
            } else {
                self = .method(try container.decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .usual(let isUsual): try container.encode(isUsual)
            case .method(let name): try container.encode(name)
            }
        }
    }

    /// `target_modules` is a list of names, or the word all-linear.
    private enum Targets: Codable {
        case names([String])
        case word(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let names = try? container.decode([String].self) {
                self = .names(names)
            } else {
                self = .word(try container.decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .names(let names): try container.encode(names)
            case .word(let word): try container.encode(word)
            }
        }
    }

    /// Writes `adapter_model.safetensors` and `adapter_config.json`, each complete or not at all.
    ///
    /// - Parameters:
    ///   - taskType: PEFT's word for what the model is for.
    ///   - inHalves: Whether numbers are rounded to 16 bits.
    public func save(
        to directory: URL,
        baseModel: String,
        taskType: String = "CAUSAL_LM",
        inHalves: Bool = false
    ) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let tensors = pairs.flatMap { module, pair in
            [("A", pair.a), ("B", pair.b)].map { letter, matrix in
                let name = "base_model.model.\(module).lora_\(letter).weight"
                return inHalves ? Self.storedInHalves(name, matrix) : Self.stored(name, matrix)
            }
        }
        try SafetensorsWriter.write(
            tensors: tensors,
            metadata: ["format": "pt"],
            to: directory.appendingPathComponent("adapter_model.safetensors")
        )
        let file = File(
            peft_type: "LORA",
            task_type: taskType,
            base_model_name_or_path: baseModel,
            inference_mode: true,
            r: configuration.r,
            lora_alpha: configuration.loraAlpha,
            lora_dropout: 0,
            bias: "none",
            fan_in_fan_out: false,
            target_modules: .names(configuration.targetModules.sorted()),
            use_rslora: configuration.useRSLoRA,
            use_dora: false,
            init_lora_weights: .usual(true)
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(try encoder.encode(file), to: directory.appendingPathComponent("adapter_config.json"))
    }

    /// A float32 tensor on its way to a safetensors file.
    package static func stored(_ name: String, _ tensor: Tensor) -> SafetensorsWriter.Tensor {
        SafetensorsWriter.Tensor(name: name, dtype: .float32, shape: tensor.shape) { emit in
            let values = try tensor.floats()
            try values.withUnsafeBytes { try emit($0) }
        }
    }

    /// The same rounded to 16 bits.
    private static func storedInHalves(_ name: String, _ tensor: Tensor) -> SafetensorsWriter.Tensor {
        SafetensorsWriter.Tensor(name: name, dtype: .float16, shape: tensor.shape) { emit in
            let values = try tensor.floats().map { Float16($0).bitPattern.littleEndian }
            try values.withUnsafeBytes { try emit($0) }
        }
    }

    /// The folder inside an adapter's that holds the same composed with an alignment, for the model as it came.
    public nonisolated static let onBase = "on_base"

    /// Reads an adapter that PEFT, or `save`, wrote for this model.
    ///
    /// - Throws: `ModelError.adapter` when the files ask for mathematics that is not plain LoRA, or do not fit the model.
    public static func load(from directory: URL, for model: LanguageModel) throws -> Adapter {
        try load(from: directory, for: model.network.linears, of: model.url, device: model.device)
    }

    /// The same for the linear layers of any network, whose model lies at `url`.
    package static func load(
        from directory: URL,
        for linears: [Linear],
        of url: URL,
        device: Device
    ) throws -> Adapter {
        let configurationFile = directory.appendingPathComponent("adapter_config.json")
        guard FileManager.default.fileExists(atPath: configurationFile.path) else {
            throw ModelError.adapter(
                path: directory.path,
                reason: "holds no adapter_config.json; name a folder that does, such as a run's checkpoints/step-000016"
            )
        }
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(contentsOf: configurationFile))
        } catch {
            throw ModelError.adapter(
                path: configurationFile.path,
                reason: "cannot be read as a LoRA configuration: \(error)"
            )
        }
        guard file.peft_type == "LORA", file.use_dora != true, file.use_qalora != true, file.lora_bias != true,
            file.bias ?? "none" == "none", file.modules_to_save?.isEmpty ?? true, file.rank_pattern?.isEmpty ?? true,
            file.alpha_pattern?.isEmpty ?? true, file.fan_in_fan_out != true, file.r > 0,
            file.alora_invocation_tokens?.isEmpty ?? true
        else {
            throw ModelError.adapter(
                path: configurationFile.path,
                reason: "only plain LoRA is supported (no DoRA, aLoRA, biases, saved modules or per-module ranks)"
            )
        }
        if let method = file.init_lora_weights?.changingTheBase {
            throw ModelError.adapter(
                path: configurationFile.path,
                reason: "init_lora_weights \(method) may have changed the base model's weights, which these files do "
                    + "not hold; let PEFT save it with path_initial_model_for_weight_conversion"
            )
        }
        let weights = try SafetensorsFile(contentsOf: directory.appendingPathComponent("adapter_model.safetensors"))
        let names: [String]
        switch file.target_modules {
        case .names(let listed): names = listed
        case .word("all-linear"): names = modules(of: linears)
        case .word(let pattern):
            throw ModelError.adapter(
                path: configurationFile.path,
                reason: "target_modules \(pattern) is no list of names"
            )
        }
        let configuration = LoRAConfiguration(
            r: file.r,
            loraAlpha: file.lora_alpha,
            targetModules: names,
            useRSLoRA: file.use_rslora ?? false
        )
        var unread = Set(weights.names)
        func read(_ name: String, _ shape: [Int]) throws -> Tensor {
            guard let entry = weights.entries[name] else {
                throw ModelError.adapter(path: weights.url.path, reason: "tensor \(name) is missing")
            }
            guard entry.shape == shape else {
                throw ModelError.shape(path: weights.url.path, tensor: name, expected: shape, found: entry.shape)
            }
            let dtype: DType =
                switch entry.dtype {
                case .float32: .float32
                case .float16: .float16
                case .bfloat16: .bfloat16
                default: throw ModelError.adapter(path: weights.url.path, reason: "tensor \(name) is no float tensor")
                }
            unread.remove(name)
            return try weights.withBytes(of: name) {
                try Tensor(bytes: $0, shape: shape, dtype: dtype).to(.float32, device: device)
            }
        }
        var pairs: [(String, LoRAPair)] = []
        for linear in try targets(names, among: linears, of: url) {
            let (output, input) = (linear.shape[0], linear.shape[1])
            let prefix = "base_model.model.\(linear.name)"
            let a = try read("\(prefix).lora_A.weight", [file.r, input])
            let b = try read("\(prefix).lora_B.weight", [output, file.r])
            pairs.append((linear.name, LoRAPair(a: a, b: b, scale: configuration.scale)))
        }
        if let extra = unread.sorted().first {
            throw ModelError.adapter(
                path: weights.url.path,
                reason: "tensor \(extra) belongs to no module of this model"
            )
        }
        return Adapter(configuration, pairs: pairs)
    }
}
