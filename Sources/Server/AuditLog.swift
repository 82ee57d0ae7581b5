import Foundation
import TemperGuard
import TemperRisk
import TemperText

/// Records every decision as one line of JSON: when, of which text by its SHA-256, what, by which rails, how long.
///
/// The text itself is never in it. A line is one write to a file opened for appending. Knows nothing about requests.
final class AuditLog: Sendable {
    /// One line.
    struct Record: Encodable {
        struct Rail: Encodable {
            var name: String
            var action: String
            var labels: [String]
            var failed: Bool
        }

        var schema = 1
        var time: String
        var request: String
        var stage: String
        var sha256: String
        var decision: String
        var policy: String
        var rails: [Rail]
        var ms: Double
    }

    private let handle: Locked<FileHandle>

    /// Opens the file, which only its owner may read if it is new.
    ///
    /// - Throws: `ServerError.audit`.
    init(_ file: URL) throws {
        let descriptor = open(file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw ServerError.audit(path: file.path, reason: String(cString: strerror(errno)))
        }
        handle = Locked(FileHandle(fileDescriptor: descriptor, closeOnDealloc: true))
    }

    /// Adds a line; throws where it cannot be written.
    func write(_ record: Record) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = try encoder.encode(record) + Data([0x0A])
        try handle.withLock { try $0.write(contentsOf: line) }
    }
}
