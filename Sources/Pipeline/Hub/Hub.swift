public import Foundation
import TemperRisk

/// A place that serves models as huggingface.co does.
///
/// Only what is needed is fetched, into the cache that Hugging Face's libraries use. What was cut off goes on where it
/// stopped, and a file is given its name only after its size and, where the hub says it, its SHA-256 were found right.
/// The token goes to the hub's own origin alone, never to where it redirects.
public struct Hub: Sendable {
    /// What the hub says of a file.
    struct Listing: Decodable, Sendable {
        struct Large: Decodable, Sendable {
            var sha256: String?
            var oid: String?
            var size: Int?
        }
        var rfilename: String
        var size: Int?
        var blobId: String?
        var lfs: Large?

        /// The SHA-256 that the content must have; only large files have one.
        var sha256: String? { lfs?.sha256 ?? lfs?.oid }
        /// The name the content has in the cache.
        var hash: String? { sha256 ?? blobId }
        /// The size in bytes that the content must have.
        var byteCount: Int? { lfs?.size ?? size }
    }

    private struct Repository: Decodable {
        var sha: String
        var siblings: [Listing]
    }

    /// Small files that are fetched where they exist.
    private static let companions: Set = [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "chat_template.jinja",
        "model.safetensors.index.json",
    ]

    private let endpoint: URL
    private let token: String?
    private let cache: HubCache
    private let progress: @Sendable (String) -> Void

    /// The hub and the cache that the environment names: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`.
    ///
    /// - Parameter progress: Told about each file that is fetched, in a line.
    /// - Throws: `HubError.badAnswer` if `HF_ENDPOINT` is no address.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let named = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 } ?? "https://huggingface.co"
        guard let endpoint = URL(string: named), ["http", "https"].contains(endpoint.scheme), endpoint.host != nil
        else {
            throw HubError.badAnswer(url: named, reason: "is no address of a hub")
        }
        self.endpoint = endpoint
        token = environment["HF_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        cache = HubCache(environment: environment)
        self.progress = progress
    }

    /// Whether a text is written as models on a hub are.
    public static func isName(_ text: String) -> Bool { HubName(text) != nil }

    /// Fetches a model unless it is there already; returns what to load.
    ///
    /// - Parameters:
    ///   - text: `ORG/NAME` or `ORG/NAME@REVISION`.
    ///   - file: One `.gguf` file to fetch instead of safetensors.
    /// - Throws: `HubError` that says what is in the way, and the remedy.
    public func pull(_ text: String, file: String? = nil) async throws -> URL {
        guard let name = HubName(text) else { throw HubError.badName(text) }
        if let file, !file.hasSuffix(".gguf") || file.hasPrefix("/") || file.split(separator: "/").contains("..") {
            throw HubError.nothingUsable(name: text, reason: "--file takes a .gguf file of the repository, not \(file)")
        }
        if name.isCommit, let found = try cache.find(name, file: file) { return found }
        let repository: Repository
        do {
            repository = try await list(name)
        } catch HubError.unreachable(let url, let reason) {
            guard let found = try cache.find(name, file: file) else {
                throw HubError.unreachable(url: url, reason: reason)
            }
            progress("\(endpoint.absoluteString) cannot be reached; \(name.model) is in the cache")
            return found
        }
        let listings = Dictionary(repository.siblings.map { ($0.rfilename, $0) }) { first, _ in first }
        func fetch(_ files: [String]) async throws {
            for file in files {
                guard let listing = listings[file] else {
                    throw HubError.notFound("file \(file) in \(name.model)@\(name.revision)")
                }
                try await self.fetch(listing, commit: repository.sha, of: name)
            }
        }
        if let file {
            try await fetch([file])
        } else {
            try await fetch(listings.keys.filter(Self.companions.contains).sorted())
            let weights = try HubCache.weights(in: cache.snapshot(repository.sha, of: name))
            guard listings["config.json"] != nil, weights.allSatisfy({ listings[$0] != nil }) else {
                throw HubError.nothingUsable(name: name.model, reason: Self.lack(Array(listings.keys)))
            }
            try await fetch(weights)
        }
        try cache.remember(repository.sha, of: name)
        let commit = HubName("\(name.model)@\(repository.sha)") ?? name
        guard let found = try cache.find(commit, file: file) else {
            throw HubError.nothingUsable(
                name: name.model,
                reason: "was fetched, but is not whole; run the command again"
            )
        }
        return found
    }

    private static func lack(_ files: [String]) -> String {
        let packed = files.filter { $0.hasSuffix(".gguf") }.sorted()
        if !packed.isEmpty { return "has GGUF files; name one with --file: \(packed.joined(separator: ", "))" }
        return "has no config.json with safetensors; weights in other formats, pickles above all, are not read"
    }

    // MARK: Requests

    private func list(_ name: HubName) async throws -> Repository {
        let revision = name.revision.replacingOccurrences(of: "/", with: "%2F")
        let url = try address("api/models/\(name.model)/revision/\(revision)?blobs=true")
        let body = HTTPTransfer.Body(limit: 1 << 26)
        let response = try await follow(url, headers: [:], receiver: body.receiver)
        try check(response, name: name, what: "model \(name.model) with revision \(name.revision)", url: url)
        do {
            let repository = try JSONDecoder().decode(Repository.self, from: body.data)
            guard HubName("\(name.model)@\(repository.sha)")?.isCommit == true else {
                throw HubError.badAnswer(url: url.absoluteString, reason: "names no commit")
            }
            return repository
        } catch let error as DecodingError {
            throw HubError.badAnswer(url: url.absoluteString, reason: "is no list of files (\(error))")
        }
    }

    private func fetch(_ listing: Listing, commit: String, of name: HubName) async throws {
        let file = listing.rfilename
        let url = try address("\(name.model)/resolve/\(commit)/\(file)")
        guard let hash = listing.hash, hash.count >= 40, hash.allSatisfy(\.isHexDigit), let size = listing.byteCount,
            !file.split(separator: "/", omittingEmptySubsequences: false).contains(where: {
                ["", "..", "."].contains($0)
            })
        else {
            throw HubError.badAnswer(
                url: url.absoluteString,
                reason: "the hub lists \(file) without a usable name and hash"
            )
        }
        let blob = cache.blob(hash, of: name)
        if Self.size(of: blob) != size {
            progress("fetching \(file) (\(size) bytes)")
            let part = blob.appendingPathExtension("part")
            try FileManager.default.createDirectory(
                at: blob.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            let download = HubDownload(file: part, size: size, sha256: listing.sha256)
            try await download.run { headers, receiver in
                let response = try await follow(url, headers: headers, receiver: receiver)
                try check(response, name: name, what: "file \(file) in \(name.model)", url: url)
            }
            try? FileManager.default.removeItem(at: blob)
            try FileManager.default.moveItem(at: part, to: blob)
        }
        try cache.link(hash, as: file, commit: commit, of: name)
    }

    static func size(of file: URL) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: file.path))?[.size].flatMap { ($0 as? NSNumber)?.intValue }
    }

    private func address(_ path: String) throws -> URL {
        let base = endpoint.absoluteString.hasSuffix("/") ? endpoint.absoluteString : endpoint.absoluteString + "/"
        let allowed = CharacterSet.urlPathAllowed.union(CharacterSet(charactersIn: "?=%"))
        guard let path = path.addingPercentEncoding(withAllowedCharacters: allowed), let url = URL(string: base + path)
        else { throw HubError.badAnswer(url: base + path, reason: "is no address") }
        return url
    }

    /// Asks, and asks where it is sent on to; the token stays behind when that is elsewhere.
    private func follow(
        _ first: URL,
        headers: [String: String],
        receiver: HTTPTransfer.Receiver
    ) async throws -> HTTPTransfer.Response {
        var url = first
        for _ in 0..<10 {
            var headers = headers
            if let token, isOwn(url) { headers["Authorization"] = "Bearer \(token)" }
            let response: HTTPTransfer.Response
            do {
                response = try await HTTPTransfer.get(url, headers: headers, receiver: receiver)
            } catch let error as URLError {
                throw HubError.unreachable(url: Self.shown(url), reason: error.localizedDescription)
            }
            guard (300..<400).contains(response.status), let place = response.headers["location"] else {
                return response
            }
            guard let next = URL(string: place, relativeTo: url)?.absoluteURL, next.host != nil,
                next.scheme == "https" || (next.scheme == "http" && url.scheme == "http")
            else {
                throw HubError.badAnswer(
                    url: Self.shown(url),
                    reason: "sends on to \(place), which is no address, or less safe than this one"
                )
            }
            url = next
        }
        throw HubError.badAnswer(url: first.absoluteString, reason: "sends on too often")
    }

    /// Whether an address has the hub's own scheme, host and port.
    private func isOwn(_ url: URL) -> Bool {
        url.scheme == endpoint.scheme && url.host == endpoint.host && url.port == endpoint.port
    }

    /// An address without its query, which may hold a signature.
    private static func shown(_ url: URL) -> String {
        url.absoluteString.split(separator: "?").first.map(String.init) ?? ""
    }

    private func check(_ response: HTTPTransfer.Response, name: HubName, what: String, url: URL) throws {
        switch response.status {
        case 200..<300: return
        case 401, 403:
            let page = endpoint.appendingPathComponent(name.model).absoluteString
            throw HubError.gated(name: name.model, page: page, hasToken: token != nil)
        case 404: throw HubError.notFound(what)
        case let status: throw HubError.unreachable(url: Self.shown(url), reason: "the hub answered \(status)")
        }
    }
}
