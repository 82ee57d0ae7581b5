public import Foundation
import Logging
public import TemperGuard
import TemperText

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
    private let state: Locked<State>
    /// The file's stamp from before it was first read: a change that falls in between is seen.
    let firstStamp: String

    private struct State {
        var version: Version
        /// How many readings were begun, and the number of the one that made the version.
        var begun = 0
        var made = 0
    }

    /// Reads a guard, and can do so again.
    public init(file: URL? = nil, _ read: @escaping @Sendable () async throws -> Version) async throws {
        self.file = file
        self.read = read
        firstStamp = Self.stamp(of: file)
        state = Locked(State(version: try await read()))
    }

    /// The guard in use.
    public var current: Version { state.withLock { $0.version } }

    /// Reads the guard anew. Of readings that overlap, the one that was begun last counts.
    ///
    /// - Throws: What reading throws; the old guard stays.
    public func reload() async throws {
        let number = state.withLock { state in
            state.begun += 1
            return state.begun
        }
        let new = try await read()
        state.withLock { state in
            guard number > state.made else { return }
            (state.version, state.made) = (new, number)
        }
    }

    /// What changes when the file does.
    var stamp: String { Self.stamp(of: file) }

    private static func stamp(of file: URL?) -> String {
        // What a link points to is what changes.
        guard let file,
            let facts = try? FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
        else { return "" }
        let time = (facts[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return "\(time) \(facts[.size] ?? 0) \(facts[.systemFileNumber] ?? 0)"
    }
}
