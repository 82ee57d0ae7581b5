public import Foundation
import FoundationNetworking
import TemperLedger
public import TemperRisk
import TemperWeights

/// The folder of fetched public sets, and the way there: over the network, or from a file that is here already.
///
/// `NAME/FILE` has the set, `NAME/record.json` its hash and where it came from. A file that does not have its hash is
/// not read. Knows nothing about what is in a file.
public struct SuiteCache: Sendable {
    /// What is known of a file in the cache.
    public struct Record: Codable, Sendable, Hashable {
        var schema = 1
        /// The set.
        public var set: PublicSet
        /// The file's SHA-256.
        public var sha256: String
        /// The address or the path it came from.
        public var origin: String
        /// When, ISO 8601.
        public var fetched: Date
        /// What a reader should know.
        public var note: String?
    }

    private let folder: URL
    /// Stands in for the address's scheme and host, which follow as the path's first part.
    private let mirror: URL?

    /// The cache that the environment names: `TEMPER_CACHE`, or `temper` in `XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// `TEMPER_SUITES_MIRROR` names a server that has the files of `https://HOST/PATH` under `/HOST/PATH`.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func named(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let base = named("TEMPER_CACHE") ?? (named("XDG_CACHE_HOME") ?? "~/.cache") + "/temper"
        folder = URL(fileURLWithPath: (base as NSString).expandingTildeInPath).appendingPathComponent("suites")
        mirror = named("TEMPER_SUITES_MIRROR").flatMap(URL.init(string:))
    }

    private func place(_ set: PublicSet) -> URL { folder.appendingPathComponent(set.name) }
    private func file(_ set: PublicSet) -> URL { place(set).appendingPathComponent(set.fileName) }

    /// What is here of a set; nil where it was not fetched.
    public func record(of set: PublicSet) -> Record? {
        LedgerFile.read(Record.self, from: place(set).appendingPathComponent("record.json"))
    }

    // MARK: Bringing in

    /// Fetches a set from its public source and checks its hash; one that is here is left as it is.
    ///
    /// - Throws: `SuiteFetchError`.
    public func fetch(_ set: PublicSet, progress: @Sendable (String) -> Void = { _ in }) async throws -> Record {
        guard let sha256 = set.sha256 else { throw SuiteFetchError.unpinned(set) }
        if let record = record(of: set), record.sha256 == sha256, (try? SHA256.hex(contentsOf: file(set))) == sha256 {
            return record
        }
        let url = try address(of: set)
        progress("fetching \(url.absoluteString) (\(set.licence))")
        let data = try await download(url)
        return try keep(data, of: set, origin: url.absoluteString, expected: sha256, note: nil)
    }

    /// Takes a set from a file.
    ///
    /// - Throws: `SuiteFetchError`, or `RiskError` where the set's reader cannot read it.
    public func take(_ source: URL, as set: PublicSet) throws -> Record {
        let data: Data
        do {
            data = try Data(contentsOf: source)
        } catch {
            throw SuiteFetchError.unreadable(path: source.path, reason: error.localizedDescription)
        }
        let note = set.sha256 == nil ? "the hash is that of this copy; nobody has compared it with the source" : nil
        return try keep(data, of: set, origin: source.path, expected: set.sha256, note: note)
    }

    private func keep(
        _ data: Data,
        of set: PublicSet,
        origin: String,
        expected: String?,
        note: String?
    ) throws -> Record {
        let hash = SHA256.hex(data)
        if let expected, hash != expected {
            throw SuiteFetchError.otherFile(origin: origin, found: hash, expected: expected)
        }
        try FileManager.default.createDirectory(at: place(set), withIntermediateDirectories: true)
        try AtomicFile.write(data, to: file(set))
        let record = Record(set: set, sha256: hash, origin: origin, fetched: Date(), note: note)
        try LedgerFile.write(record, to: place(set).appendingPathComponent("record.json"))
        return record
    }

    private func address(of set: PublicSet) throws -> URL {
        guard let own = URL(string: set.address) else { preconditionFailure("every set has an address") }
        guard let mirror else { return own }
        return mirror.appendingPathComponent(own.host ?? "").appendingPathComponent(own.path)
    }

    /// Follows redirections; nothing secret goes along.
    private func download(_ first: URL) async throws -> Data {
        var url = first
        for _ in 0..<5 {
            let body = HTTPTransfer.Body(limit: 1 << 28)
            let response: HTTPTransfer.Response
            do {
                response = try await HTTPTransfer.get(url, headers: [:], receiver: body.receiver)
            } catch let error as URLError {
                throw SuiteFetchError.unreachable(url: url.absoluteString, reason: error.localizedDescription)
            }
            switch response.status {
            case 200: return body.data
            case 300..<400:
                guard let place = response.headers["location"],
                    let next = URL(string: place, relativeTo: url)?.absoluteURL,
                    next.scheme == "https" || next.scheme == url.scheme
                else {
                    throw SuiteFetchError.unreachable(
                        url: url.absoluteString,
                        reason: "it sends on to no usable address"
                    )
                }
                url = next
            case let status:
                throw SuiteFetchError.unreachable(url: url.absoluteString, reason: "it answered \(status)")
            }
        }
        throw SuiteFetchError.unreachable(url: first.absoluteString, reason: "it sends on too often")
    }

    // MARK: Using

    /// The suites of a fetched set.
    ///
    /// - Throws: `SuiteFetchError.notHere`, `.otherFile` where the file was changed, or `RiskError`.
    public func suites(of set: PublicSet) throws -> [any Suite] {
        guard let record = record(of: set) else { throw SuiteFetchError.notHere(set) }
        let file = file(set)
        let hash = (try? SHA256.hex(contentsOf: file)) ?? "none"
        guard hash == record.sha256 else {
            throw SuiteFetchError.otherFile(origin: file.path, found: hash, expected: record.sha256)
        }
        return try Suites.load(file: file, format: .set(set.format), name: set.name)
    }

    /// The suites of that name: an embedded one, all of a fetched set, or one of a set that holds several.
    public func suites(named name: String) throws -> [any Suite] {
        if let suite = Suites.all.first(where: { $0.card.name == name }) { return [suite] }
        if let set = PublicSet.named(name) { return try suites(of: set) }
        if let set = Self.set(holding: name) {
            let found = try suites(of: set).filter { $0.card.name == name }
            if !found.isEmpty { return found }
        }
        throw RiskError.unknownSuite(name, known: Self.names)
    }

    /// Whether a name can mean a suite, fetched or not.
    static func knows(_ name: String) -> Bool {
        Suites.all.contains { $0.card.name == name } || PublicSet.named(name) != nil || set(holding: name) != nil
    }

    /// Every name that can mean a suite.
    static var names: [String] { Suites.all.map(\.card.name) + PublicSet.all.map(\.name) }

    /// A set of which one of several suites has the name, such as `xstest-safe`.
    private static func set(holding name: String) -> PublicSet? {
        PublicSet.all.first { set in set.format == "xstest" && ["-safe", "-unsafe"].contains { set.name + $0 == name } }
    }
}

/// Why a public set is not here.
public enum SuiteFetchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No set has the name.
    case unknown(String)
    /// It was not fetched.
    case notHere(PublicSet)
    /// What the network brings could not be checked.
    case unpinned(PublicSet)
    /// It cannot be reached.
    case unreachable(url: String, reason: String)
    /// The file to take cannot be read.
    case unreadable(path: String, reason: String)
    /// The file is not the one it should be.
    case otherFile(origin: String, found: String, expected: String)

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .unknown(let name):
            "there is no public set '\(name)'; the sets are \(PublicSet.all.map(\.name).joined(separator: ", "))"
        case .notHere(let set):
            "the public set \(set.name) is not here: fetch it with `temper suites fetch \(set.name)`"
                + (set.sha256 == nil ? " --from FILE" : "")
        case .unpinned(let set):
            "the SHA-256 of \(set.name) is not known here, so that what the network brings could not be checked: load "
                + "\(set.address) yourself, look at it, and run `temper suites fetch \(set.name) --from FILE`"
        case .unreachable(let url, let reason):
            "\(url): \(reason); run the command again when it can be reached, or give a copy with --from FILE"
        case .unreadable(let path, let reason): "\(path): \(reason)"
        case .otherFile(let origin, let found, let expected):
            "\(origin): has SHA-256 \(found), expected \(expected): it is another version or was changed, and is not used; "
                + "fetch it again, or name the file itself as a suite in a recipe"
        }
    }

    /// Whether the way there failed rather than the request.
    public var isFailure: Bool {
        switch self {
        case .unreachable: true
        case .unknown, .notHere, .unpinned, .unreadable, .otherFile: false
        }
    }
}
