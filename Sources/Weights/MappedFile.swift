package import Foundation
import Glibc

/// A whole file mapped into memory, read only.
///
/// Pages come from the disk when they are touched, so opening costs the same for a kilobyte and for ten gigabytes. The
/// class knows nothing about formats. A file must not shrink while it is mapped (the kernel would answer with SIGBUS);
/// Temper's own writers never do that, because they rename a finished file over the old one.
///
/// Proof of `Sendable`: both stored properties are constants; the memory behind `bytes` is mapped `PROT_READ`, so
/// nobody can write through it; it is unmapped only in `deinit`, when no reference is left on any thread.
package final class MappedFile: @unchecked Sendable {
    /// The file as it was named when it was opened.
    package let url: URL
    /// The file's bytes; valid as long as this object lives, so take them through `withBytes`.
    private let bytes: UnsafeRawBufferPointer

    /// The number of bytes in the file.
    package var count: Int { bytes.count }

    /// Maps a regular, non-empty file, or throws `WeightsError.cannotRead`.
    package init(contentsOf url: URL) throws(WeightsError) {
        let path = url.path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .cannotRead(path: path, reason: errorText(errno))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .cannotRead(path: path, reason: errorText(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .cannotRead(path: path, reason: "it is not a regular file; name the weight file itself")
        }
        guard status.st_size > 0 else {
            throw .cannotRead(path: path, reason: "the file is empty; copy or download it again")
        }
        guard let base = mmap(nil, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0),
            base != MAP_FAILED
        else {
            throw .cannotRead(path: path, reason: errorText(errno))
        }
        self.url = url
        self.bytes = UnsafeRawBufferPointer(start: base, count: status.st_size)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// Gives the whole file; the pointer must not leave `body`.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }
}

/// The system's text for an error number, with the number.
func errorText(_ code: Int32) -> String {
    "\(String(cString: strerror(code))) (errno \(code))"
}
