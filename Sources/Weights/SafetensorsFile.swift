public import Foundation

/// An element type of the safetensors format, spelled as in the file.
public enum SafetensorsType: String, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// The size in bytes of a tensor of this shape, or nil if it does not fit into an `Int` or a dimension is negative.
    func byteCount(shape: [Int]) -> Int? {
        var product = byteCount
        for dimension in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else { return nil }
            product = next
        }
        return product
    }
}

/// A safetensors file, mapped and fully checked before anything in it is trusted.
///
/// Opening verifies the header's length and grammar, every element type, every shape, that each tensor's length is its
/// shape times its element size, and that the tensors cover the rest of the file without overlap, gap or overhang. After
/// that, reading cannot fail for a listed name. It knows nothing about what the tensors are for.
/// Format: the public description in the safetensors repository (huggingface/safetensors, README).
public struct SafetensorsFile: Sendable {
    /// One tensor: its type, shape, and where its bytes lie in the file.
    public struct Entry: Sendable, Equatable {
        /// The element type.
        public let dtype: SafetensorsType
        /// The dimensions, slowest first; empty for a scalar.
        public let shape: [Int]
        /// The bytes, counted from the start of the file.
        ///
        /// They need not be aligned to the element size.
        public let byteRange: Range<Int>
    }

    /// The longest header that is accepted, in bytes; the limit of the reference implementation.
    static let headerLimit = 100_000_000

    /// The file.
    public var url: URL { file.url }
    /// All tensors by name.
    public let entries: [String: Entry]
    /// The names in the order of their bytes in the file.
    public let names: [String]
    /// The `__metadata__` of the header; empty if there is none.
    public let metadata: [String: String]
    private let file: MappedFile

    /// Opens and checks a file, or throws a `WeightsError` that says what is wrong with it.
    public init(contentsOf url: URL) throws {
        let file = try MappedFile(contentsOf: url)
        let path = url.path
        let (header, dataStart) = try file.withBytes { try Self.header($0, path: path) }
        let items = header.items.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
        var entries: [String: Entry] = [:]
        entries.reserveCapacity(items.count)
        var position = 0
        for item in items {
            guard let dtype = SafetensorsType(rawValue: item.dtype) else {
                let known = SafetensorsType.allCases.map(\.rawValue).joined(separator: ", ")
                throw WeightsError.unsupportedType(
                    path: path,
                    tensor: item.name,
                    type: item.dtype,
                    remedy: "save it again as one of \(known)"
                )
            }
            guard let size = dtype.byteCount(shape: item.shape) else {
                throw WeightsError.malformed(
                    path: path,
                    reason: "the shape \(item.shape) of tensor \"\(item.name)\" is impossibly large"
                )
            }
            guard item.begin == position else {
                let what =
                    item.begin < position ? "overlaps the tensor before it" : "leaves a gap before it"
                throw WeightsError.malformed(
                    path: path,
                    reason:
                        "tensor \"\(item.name)\" \(what): it starts at \(item.begin) instead of \(position)"
                )
            }
            guard item.end >= item.begin, item.end - item.begin == size else {
                throw WeightsError.malformed(
                    path: path,
                    reason:
                        "tensor \"\(item.name)\" of type \(item.dtype) and shape \(item.shape) needs \(size) "
                        + "bytes, but its offsets are \(item.begin) to \(item.end)"
                )
            }
            guard item.end <= file.count - dataStart else {
                throw WeightsError.truncated(
                    path: path,
                    reason: "tensor \"\(item.name)\" ends at byte \(item.end) of the data, but only "
                        + "\(file.count - dataStart) are there"
                )
            }
            entries[item.name] = Entry(
                dtype: dtype,
                shape: item.shape,
                byteRange: dataStart + item.begin..<dataStart + item.end
            )
            position = item.end
        }
        guard position == file.count - dataStart else {
            throw WeightsError.malformed(
                path: path,
                reason: "\(file.count - dataStart - position) bytes after the last tensor belong to none"
            )
        }
        self.entries = entries
        self.names = items.map(\.name)
        self.metadata = header.metadata
        self.file = file
    }

    /// Gives a tensor's bytes, little endian and contiguous; the pointer must not leave `body`.
    public func withBytes<Result>(
        of name: String,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let entry = entries[name] else {
            throw WeightsError.missingTensor(path: url.path, name: name)
        }
        return try file.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[entry.byteRange])) }
    }

    private static func header(
        _ bytes: UnsafeRawBufferPointer,
        path: String
    ) throws(WeightsError) -> (SafetensorsHeader, dataStart: Int) {
        guard bytes.count >= 8 else {
            throw .truncated(path: path, reason: "\(bytes.count) bytes cannot hold a safetensors header")
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length >= 2, length <= UInt64(headerLimit) else {
            throw .malformed(
                path: path,
                reason: "its header claims \(length) bytes (2 to \(headerLimit) are possible); "
                    + "this is not a safetensors file"
            )
        }
        guard Int(length) <= bytes.count - 8 else {
            throw .truncated(
                path: path,
                reason: "its header claims \(length) bytes, but only \(bytes.count - 8) follow"
            )
        }
        let end = 8 + Int(length)
        do {
            return (try SafetensorsHeader(UnsafeRawBufferPointer(rebasing: bytes[8..<end])), end)
        } catch {
            throw .malformed(path: path, reason: "header byte \(error.offset): \(error.reason)")
        }
    }
}
