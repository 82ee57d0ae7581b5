package import Foundation
import Glibc

/// Writes a file so that a reader sees the old content or the new one, never a half of it.
///
/// The bytes go to `NAME.tmp-<pid>` beside the target, are synced to the disk and renamed over it. On any error, a full
/// disk included, the temporary is removed, the old file stays as it was, and the error names path and cause. It knows
/// nothing about what the bytes mean.
package enum AtomicFile {
    /// Writes some bytes to an open file: how many it took, or the `errno` that stopped it.
    ///
    /// Production code always uses `systemWrite`; tests replace it to play a full disk.
    package typealias WriteFunction = (_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) ->
        WriteOutcome

    /// What one call of a `WriteFunction` came to.
    package enum WriteOutcome: Sendable {
        case wrote(Int)
        case failed(errno: Int32)
    }

    /// The sink that a streaming writer fills.
    package struct Sink {
        fileprivate let descriptor: Int32
        fileprivate let path: String
        fileprivate let writeSome: WriteFunction

        /// Appends all the bytes, in as many system calls as it takes.
        package func append(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) {
            var rest = bytes
            while !rest.isEmpty {
                // One call moves at most 2 GiB on Linux; smaller pieces keep the page cache's write-back busy.
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 26))
                switch writeSome(descriptor, piece) {
                case .wrote(let count) where count > 0:
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                case .wrote:
                    throw .cannotWrite(path: path, reason: "the system wrote nothing")
                case .failed(EINTR):
                    continue
                case .failed(let code):
                    throw .cannotWrite(path: path, reason: errorText(code))
                }
            }
        }
    }

    /// Replaces the file with `data`, or leaves it exactly as it was and throws `WeightsError.cannotWrite`.
    package static func write(_ data: Data, to url: URL) throws {
        try write(to: url) { sink in
            try data.withUnsafeBytes { try sink.append($0) }
        }
    }

    /// Replaces the file with what `fill` appends, or leaves it exactly as it was and throws.
    package static func write(
        to url: URL,
        writeSome: @escaping WriteFunction = systemWrite,
        _ fill: (Sink) throws -> Void
    ) throws {
        let path = url.path
        let (descriptor, temporary) = try openTemporary(beside: path)
        var isOpen = true
        do {
            try fill(Sink(descriptor: descriptor, path: path, writeSome: writeSome))
            guard fsync(descriptor) == 0 else {
                throw WeightsError.cannotWrite(path: path, reason: errorText(errno))
            }
            isOpen = false
            guard close(descriptor) == 0 else {
                throw WeightsError.cannotWrite(path: path, reason: errorText(errno))
            }
            guard rename(temporary, path) == 0 else {
                throw WeightsError.cannotWrite(path: path, reason: errorText(errno))
            }
        } catch {
            if isOpen { close(descriptor) }
            unlink(temporary)
            throw error
        }
        syncDirectory(of: url)
    }

    /// The system's `write`.
    package static func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer)
        -> WriteOutcome
    {
        let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        return count < 0 ? .failed(errno: errno) : .wrote(count)
    }

    /// Creates a temporary that nobody else holds: a second writer in this process, or the remains of a killed one
    /// that had the same process id, moves on to the next free name.
    private static func openTemporary(beside path: String) throws(WeightsError) -> (Int32, String) {
        for attempt in 0..<100 {
            let temporary = "\(path).tmp-\(getpid())" + (attempt == 0 ? "" : "-\(attempt)")
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            if descriptor >= 0 { return (descriptor, temporary) }
            guard errno == EEXIST else { throw .cannotWrite(path: path, reason: errorText(errno)) }
        }
        throw .cannotWrite(path: path, reason: "too many leftovers named \(path).tmp-*; remove them")
    }

    /// Makes the rename itself durable.
    ///
    /// The new content is complete and in place already, and some file systems refuse to sync a directory, so a failure
    /// here is not an error.
    private static func syncDirectory(of url: URL) {
        let descriptor = open(url.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
