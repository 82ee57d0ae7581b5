public import Foundation
import Logging
import Synchronization
public import TemperGuard

/// The guard in use, which can be read anew while the server runs.
///
/// A request keeps the guard that it began with. A new policy that cannot be read leaves the old one in place. Knows nothing
/// about how policies are written.
public final class GuardSource: Sendable {
    /// A guard and the policy file's content by its SHA-256, or a name where there is no file.
    public struct Version: Sendable {
        /// The guard.
        public var shield: Guard
        /// Names the version in records and headers.
        public var name: String

        /// Names a guard.
        public init(_ shield: Guard, name: String) {
            self.shield = shield
            self.name = name
        }
    }

    /// The file that is watched; nil where there is none.
    public let file: URL?
    private let read: @Sendable () async throws -> Version
    private let version: Mutex<Version>

    /// Reads a guard, and can do so again.
    public init(file: URL? = nil, _ read: @escaping @Sendable () async throws -> Version) async throws {
        self.file = file
        self.read = read
        version = Mutex(try await read())
    }

    /// The guard in use.
    public var current: Version { version.withLock { $0 } }

    /// Reads the guard anew.
    ///
    /// - Throws: What reading throws; the old guard stays.
    public func reload() async throws {
        let new = try await read()
        version.withLock { $0 = new }
    }

    /// What changes when the file does.
    var stamp: String {
        // What a link points to is what changes.
        guard let file,
            let facts = try? FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
        else { return "" }
        let time = (facts[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return "\(time) \(facts[.size] ?? 0) \(facts[.systemFileNumber] ?? 0)"
    }
}
