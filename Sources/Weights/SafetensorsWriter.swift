public import Foundation

/// Writes a safetensors file, atomically and without holding the tensors in memory at once.
///
/// Tensors are stored in the given order, the header is padded with spaces so that the data starts at a multiple of
/// eight, and metadata keys are sorted: the same input gives the same bytes. A file is complete or not there at all (see
/// `AtomicFile`). It knows nothing about what the tensors are for.
public enum SafetensorsWriter {
    /// Receives a tensor's bytes, in as many pieces as the caller likes.
    public typealias Emit = (UnsafeRawBufferPointer) throws -> Void

    /// A tensor to write: what the header says about it, and a closure that hands over its bytes when their turn comes.
    public struct Tensor {
        /// The tensor's name, unique in the file.
        public var name: String
        /// The element type.
        public var dtype: SafetensorsType
        /// The dimensions, slowest first.
        public var shape: [Int]
        /// Hands over exactly shape times element size bytes, little endian.
        public var bytes: (Emit) throws -> Void

        /// A tensor whose bytes are produced piece by piece.
        public init(
            name: String,
            dtype: SafetensorsType,
            shape: [Int],
            bytes: @escaping (Emit) throws -> Void
        ) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
            self.bytes = bytes
        }

        /// A tensor whose bytes are at hand.
        public init(name: String, dtype: SafetensorsType, shape: [Int], data: Data) {
            self.init(name: name, dtype: dtype, shape: shape) { emit in try data.withUnsafeBytes(emit) }
        }
    }

    /// Writes the file, or leaves what was there untouched and throws a `WeightsError`.
    ///
    /// - Parameters:
    ///   - tensors: The tensors in the order in which they are stored.
    ///   - metadata: Free text for the header's `__metadata__`.
    ///   - url: The file to create or replace.
    public static func write(tensors: [Tensor], metadata: [String: String], to url: URL) throws {
        try write(tensors: tensors, metadata: metadata, to: url, writeSome: AtomicFile.systemWrite)
    }

    /// The same with a replaceable system call, for the tests of a full disk.
    package static func write(
        tensors: [Tensor],
        metadata: [String: String],
        to url: URL,
        writeSome: @escaping AtomicFile.WriteFunction
    ) throws {
        let (header, sizes) = try header(tensors: tensors, metadata: metadata, path: url.path)
        try AtomicFile.write(to: url, writeSome: writeSome) { sink in
            try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try sink.append($0) }
            try header.withUnsafeBytes { try sink.append($0) }
            for (tensor, size) in zip(tensors, sizes) {
                try copy(tensor, size: size, into: sink, path: url.path)
            }
        }
    }

    private static func copy(
        _ tensor: Tensor,
        size: Int,
        into sink: AtomicFile.Sink,
        path: String
    ) throws {
        var written = 0
        try tensor.bytes { piece in
            written += piece.count
            guard written <= size else {
                throw WeightsError.cannotWrite(
                    path: path,
                    reason: "tensor \"\(tensor.name)\" handed over more than its \(size) bytes"
                )
            }
            try sink.append(piece)
        }
        guard written == size else {
            throw WeightsError.cannotWrite(
                path: path,
                reason: "tensor \"\(tensor.name)\" handed over \(written) of its \(size) bytes"
            )
        }
    }

    private static func header(
        tensors: [Tensor],
        metadata: [String: String],
        path: String
    ) throws(WeightsError) -> ([UInt8], sizes: [Int]) {
        var members: [String] = []
        var sizes: [Int] = []
        var seen: Set<String> = ["__metadata__"]
        var position = 0
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map {
                "\(quoted($0.key)):\(quoted($0.value))"
            }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        for tensor in tensors {
            guard seen.insert(tensor.name).inserted else {
                throw .cannotWrite(
                    path: path,
                    reason: "the tensor name \"\(tensor.name)\" is reserved or used twice"
                )
            }
            guard let size = tensor.dtype.byteCount(shape: tensor.shape),
                case (let end, let overflow) = position.addingReportingOverflow(size), !overflow
            else {
                throw .cannotWrite(
                    path: path,
                    reason: "the shape \(tensor.shape) of tensor \"\(tensor.name)\" is impossible"
                )
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(position),\(end)]}"
            )
            sizes.append(size)
            position = end
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        while !header.count.isMultiple(of: 8) { header.append(UInt8(ascii: " ")) }
        guard header.count <= SafetensorsFile.headerLimit else {
            throw .cannotWrite(
                path: path,
                reason: "the header would exceed \(SafetensorsFile.headerLimit) bytes"
            )
        }
        return (header, sizes)
    }

    /// A JSON string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
