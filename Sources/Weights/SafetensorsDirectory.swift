public import Foundation

/// The weights of a model directory: one `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
///
/// Opening checks that every shard is there, is valid, and holds the names that the index promises. It knows nothing
/// about the model's configuration, and never reads a pickle.
/// Layout: the convention of Hugging Face model repositories.
public struct SafetensorsDirectory: Sendable {
    /// The directory.
    public let url: URL
    /// The opened files: one, or the shards in the order of their names.
    public let files: [SafetensorsFile]
    /// For each tensor name, which of `files` holds it.
    private let fileIndices: [String: Int]

    /// All tensor names, sorted.
    public var names: [String] { fileIndices.keys.sorted() }

    private struct Index: Decodable {
        // Spelled as in the file.
        var weight_map: [String: String]
    }

    /// Opens a model directory, or throws a `WeightsError` that says which file is missing or wrong.
    public init(at url: URL) throws {
        self.url = url
        let single = url.appendingPathComponent("model.safetensors")
        let index = url.appendingPathComponent("model.safetensors.index.json")
        if FileManager.default.fileExists(atPath: single.path) {
            let file = try SafetensorsFile(contentsOf: single)
            files = [file]
            fileIndices = Dictionary(uniqueKeysWithValues: file.names.map { ($0, 0) })
        } else if FileManager.default.fileExists(atPath: index.path) {
            (files, fileIndices) = try Self.shards(of: index, in: url)
        } else {
            throw WeightsError.cannotRead(
                path: url.path,
                reason: "it holds neither model.safetensors nor model.safetensors.index.json; "
                    + "weights in other formats (.bin, .pt) must be saved as safetensors first"
            )
        }
    }

    /// The file that holds a tensor, for its entry.
    public func entry(_ name: String) -> SafetensorsFile.Entry? {
        fileIndices[name].flatMap { files[$0].entries[name] }
    }

    /// Gives a tensor's bytes, little endian and contiguous; the pointer must not leave `body`.
    public func withBytes<Result>(
        of name: String,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let index = fileIndices[name] else {
            throw WeightsError.missingTensor(path: url.path, name: name)
        }
        return try files[index].withBytes(of: name, body)
    }

    private static func shards(of index: URL, in url: URL) throws -> (
        [SafetensorsFile], [String: Int]
    ) {
        guard let text = FileManager.default.contents(atPath: index.path) else {
            throw WeightsError.cannotRead(path: index.path, reason: "it exists, but its content cannot be read")
        }
        let map: [String: String]
        do {
            map = try JSONDecoder().decode(Index.self, from: text).weight_map
        } catch {
            throw WeightsError.malformed(
                path: index.path,
                reason: "it needs an object \"weight_map\" from tensor names to file names"
            )
        }
        let shardNames = Set(map.values).sorted()
        guard !shardNames.isEmpty else {
            throw WeightsError.malformed(path: index.path, reason: "its weight_map is empty")
        }
        var positions: [String: Int] = [:]
        var files: [SafetensorsFile] = []
        for name in shardNames {
            // An index is data from elsewhere: it may name files of its own directory and nothing else.
            guard !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0), name != "..",
                !name.isEmpty
            else {
                throw WeightsError.malformed(
                    path: index.path,
                    reason: "the shard \"\(name)\" is not a plain file name"
                )
            }
            let shard = url.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: shard.path) else {
                throw WeightsError.cannotRead(
                    path: shard.path,
                    reason: "the index lists this shard, but it is missing; download it again"
                )
            }
            positions[name] = files.count
            files.append(try SafetensorsFile(contentsOf: shard))
        }
        var fileIndices: [String: Int] = [:]
        for (tensor, shard) in map.sorted(by: { $0.key < $1.key }) {
            guard let position = positions[shard], files[position].entries[tensor] != nil else {
                throw WeightsError.malformed(
                    path: index.path,
                    reason: "it says that \(shard) holds tensor \"\(tensor)\", but it does not; "
                        + "index and shards are from different versions of the model"
                )
            }
            fileIndices[tensor] = position
        }
        return (files, fileIndices)
    }
}
