import Foundation
import TemperRisk

/// Brings one file in, going on where an earlier try stopped, and checks it.
///
/// Knows nothing about addresses: the caller makes the request with the headers it is given.
final class HubDownload: @unchecked Sendable {
    /// Makes a request and hands the answer on.
    typealias Request = ([String: String], HTTPTransfer.Receiver) async throws -> Void

    /// How often in a row a try may bring nothing.
    private static let patience = 3

    private let file: URL
    private let size: Int
    private let sha256: String?
    // These are touched on the transfer's queue while a request runs, and by `run` between requests.
    private var handle: FileHandle?
    /// Whether the body that comes in is the file's.
    private var isContent = false

    /// - Parameters:
    ///   - file: Where it goes; what is there already is taken for its beginning.
    ///   - size: The size in bytes it must have.
    ///   - sha256: The hash it must have, if it is known.
    init(file: URL, size: Int, sha256: String?) {
        (self.file, self.size, self.sha256) = (file, size, sha256)
    }

    /// Fetches what is missing; a broken connection is tried again as long as tries bring something.
    ///
    /// - Throws: `HubError.corrupted` after removing the file if it is not the one it should be.
    func run(_ request: Request) async throws {
        if !FileManager.default.fileExists(atPath: file.path) {
            guard FileManager.default.createFile(atPath: file.path, contents: nil) else {
                throw CocoaError(.fileWriteNoPermission, userInfo: [NSFilePathErrorKey: file.path])
            }
        }
        var failures = 0
        var most = 0
        while let before = Hub.size(of: file), before < size {
            do {
                try await transfer(from: before, request)
                guard let after = Hub.size(of: file), after > before else { break }
            } catch HubError.unreachable(let url, let reason) {
                let after = Hub.size(of: file) ?? 0
                failures = after > most ? 0 : failures + 1
                most = max(most, after)
                guard failures < Self.patience else { throw HubError.unreachable(url: url, reason: reason) }
                try await Task.sleep(for: .milliseconds(200 << failures))
            }
        }
        try verify()
    }

    private func transfer(from start: Int, _ request: Request) async throws {
        let handle = try FileHandle(forWritingTo: file)
        defer { try? handle.close() }
        self.handle = handle
        let receiver = HTTPTransfer.Receiver(
            begin: { [self] in try begin($0, start: start) },
            take: { [self] in try take($0) }
        )
        try await request(start > 0 ? ["Range": "bytes=\(start)-"] : [:], receiver)
    }

    /// Sets the place to write at; the bodies of redirections and errors are not written.
    private func begin(_ response: HTTPTransfer.Response, start: Int) throws {
        isContent = response.status == 200 || response.status == 206
        guard let handle, isContent else { return }
        if response.status == 200 {
            try handle.truncate(atOffset: 0)
        } else {
            guard response.headers["content-range"]?.hasPrefix("bytes \(start)-") ?? false else {
                throw URLError(.cannotParseResponse)
            }
            try handle.seek(toOffset: UInt64(start))
        }
    }

    private func take(_ data: Data) throws {
        guard let handle, isContent else { return }
        try handle.write(contentsOf: data)
        // Something else than the file; verifying will say so.
        guard try handle.offset() <= size else { throw URLError(.dataLengthExceedsMaximum) }
    }

    private func verify() throws {
        let found = Hub.size(of: file) ?? 0
        func refuse(_ reason: String) throws {
            try? FileManager.default.removeItem(at: file)
            throw HubError.corrupted(file: file.path, reason: reason)
        }
        guard found == size else { return try refuse("has \(found) bytes, expected \(size)") }
        guard let sha256 else { return }
        let hash = try SHA256.hex(contentsOf: file)
        guard hash == sha256.lowercased() else { return try refuse("has SHA-256 \(hash), expected \(sha256)") }
    }
}
