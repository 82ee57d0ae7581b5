public import Foundation

/// What users write where a model is meant.
public enum ModelReference {
    /// The file or folder behind a path, or behind the `ORG/NAME[@REVISION]` of a model in the hub's cache.
    ///
    /// - Throws: `HubError` if it could be such a name, but is neither a path nor in the cache.
    public static func resolve(
        _ text: String,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> URL {
        let path = URL(fileURLWithPath: text)
        // A file that is missing is a file that is missing, though its path could be read as a name.
        guard !FileManager.default.fileExists(atPath: text), !text.hasSuffix(".gguf"), let name = HubName(text) else {
            return path
        }
        let cache = HubCache(environment: environment)
        guard let found = try cache.find(name) else {
            throw HubError.notHere(name: text, cache: cache.folder.path)
        }
        return found
    }

    /// A short name for a model that was loaded: of its file or folder, or, in the hub's cache, of its repository.
    package static func name(of url: URL) -> String {
        let folders = url.pathComponents
        if let place = folders.lastIndex(of: "snapshots"), place > 0, folders[place - 1].hasPrefix("models--") {
            return folders[place - 1].components(separatedBy: "--").dropFirst(2).joined(separator: "--")
        }
        // A folder's name may hold a full stop: Llama-3.2-1B.
        return url.pathExtension == "gguf" ? url.deletingPathExtension().lastPathComponent : url.lastPathComponent
    }
}

/// A model on a hub, as users write it: `ORG/NAME`, or `ORG/NAME@REVISION`.
struct HubName: Sendable, Hashable {
    /// `ORG/NAME`.
    let model: String
    /// A branch, a tag or a commit.
    let revision: String

    /// Reads the written form; nil for what cannot be one.
    init?(_ text: String) {
        let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let names = halves[0].split(separator: "/", omittingEmptySubsequences: false)
        guard names.count == 2, names.allSatisfy(Self.isName) else { return nil }
        let revision = halves.count == 2 ? halves[1] : "main"
        guard !revision.isEmpty,
            revision.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isName)
        else { return nil }
        (model, self.revision) = (String(halves[0]), String(revision))
    }

    /// Whether the revision is a commit, which never changes.
    var isCommit: Bool { revision.count == 40 && revision.allSatisfy(\.isHexDigit) }

    private static func isName(_ part: Substring) -> Bool {
        let isPlain = part.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "._-".unicodeScalars.contains($0))
        }
        return isPlain && !part.isEmpty && !part.hasPrefix(".")
    }
}
