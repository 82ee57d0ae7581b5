import Foundation
import TemperWeights

/// The folder in which Hugging Face's libraries keep what they fetch, in their layout, so that both find each other's.
///
/// `models--ORG--NAME/blobs` has the files by hash, `snapshots/COMMIT` links to them by name, `refs/REVISION` says which
/// commit a branch stood at. A link is made when its file is whole and checked. Knows nothing about the network.
struct HubCache: Sendable {
    /// `$HF_HOME/hub`.
    let folder: URL

    /// The cache that the environment names: `HF_HUB_CACHE`, `HF_HOME`, or `~/.cache/huggingface`.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func named(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let hub = named("HF_HUB_CACHE") {
            folder = URL(fileURLWithPath: (hub as NSString).expandingTildeInPath)
        } else {
            let cache = named("XDG_CACHE_HOME") ?? "~/.cache"
            let home = named("HF_HOME") ?? "\(cache)/huggingface"
            folder = URL(fileURLWithPath: (home as NSString).expandingTildeInPath).appendingPathComponent("hub")
        }
    }

    private func home(_ name: HubName) -> URL {
        folder.appendingPathComponent("models--" + name.model.replacingOccurrences(of: "/", with: "--"))
    }

    /// Where the file with a hash lies.
    func blob(_ hash: String, of name: HubName) -> URL {
        home(name).appendingPathComponent("blobs").appendingPathComponent(hash)
    }

    /// The folder of a commit's files.
    func snapshot(_ commit: String, of name: HubName) -> URL {
        home(name).appendingPathComponent("snapshots").appendingPathComponent(commit)
    }

    /// Gives a blob its name in a commit.
    func link(_ hash: String, as file: String, commit: String, of name: HubName) throws {
        let link = snapshot(commit, of: name).appendingPathComponent(file)
        let manager = FileManager.default
        try manager.createDirectory(at: link.deletingLastPathComponent(), withIntermediateDirectories: true)
        try? manager.removeItem(at: link)
        let depth = file.split(separator: "/").count + 1
        let target = String(repeating: "../", count: depth) + "blobs/\(hash)"
        try manager.createSymbolicLink(atPath: link.path, withDestinationPath: target)
    }

    /// Remembers which commit a branch or tag stood at.
    func remember(_ commit: String, of name: HubName) throws {
        guard !name.isCommit else { return }
        let file = home(name).appendingPathComponent("refs").appendingPathComponent(name.revision)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try AtomicFile.write(Data(commit.utf8), to: file)
    }

    /// The commit that is known for a revision.
    func commit(of name: HubName) -> String? {
        if name.isCommit { return name.revision }
        let file = home(name).appendingPathComponent("refs").appendingPathComponent(name.revision)
        return (try? String(contentsOf: file, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What to load of a model that is here and whole: its folder, or its one `.gguf` file.
    ///
    /// - Parameter file: A file that is asked for by name.
    func find(_ name: HubName, file: String? = nil) throws -> URL? {
        guard let commit = commit(of: name) else { return nil }
        let snapshot = snapshot(commit, of: name)
        let manager = FileManager.default
        func has(_ file: String) -> Bool { manager.fileExists(atPath: snapshot.appendingPathComponent(file).path) }
        if let file { return has(file) ? snapshot.appendingPathComponent(file) : nil }
        if has("config.json"), try Self.weights(in: snapshot).allSatisfy(has) { return snapshot }
        let files = (try? manager.contentsOfDirectory(atPath: snapshot.path)) ?? []
        let packed = files.filter { $0.hasSuffix(".gguf") && has($0) }.sorted()
        guard packed.count < 2 else {
            let paths = packed.map { snapshot.appendingPathComponent($0).path }
            throw HubError.nothingUsable(
                name: name.model,
                reason: "there is more than one .gguf file; give the path of one: \(paths.joined(separator: ", "))"
            )
        }
        return packed.first.map { snapshot.appendingPathComponent($0) }
    }

    /// The files of weights that a folder ought to have.
    static func weights(in snapshot: URL) throws -> [String] {
        let index = snapshot.appendingPathComponent("model.safetensors.index.json")
        guard FileManager.default.fileExists(atPath: index.path) else { return ["model.safetensors"] }
        struct Index: Decodable { var weight_map: [String: String] }
        do {
            let files = Set(try JSONDecoder().decode(Index.self, from: Data(contentsOf: index)).weight_map.values)
            return files.sorted()
        } catch {
            throw HubError.nothingUsable(name: index.path, reason: "is no index of safetensors files (\(error))")
        }
    }
}
