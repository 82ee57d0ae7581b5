public import Foundation

/// A GGUF file, mapped and fully checked before anything in it is trusted.
///
/// Versions 2 and 3, little endian. Opening verifies every count, string, array and nesting depth, the alignment, and
/// that each tensor's blocks lie inside the file and overlap no other's; a file that was cut off names the first tensor
/// that is not whole. It knows nothing about architectures: what the metadata means is for the model loader to say.
/// Format: the public GGUF specification (ggml-org/ggml, docs/gguf.md).
public struct GGUFFile: Sendable {
    /// One tensor of the file.
    public struct Tensor: Sendable, Equatable {
        /// The name in the file, such as `blk.0.attn_q.weight`.
        public let name: String
        /// The dimensions in torch's order, slowest first; the file itself lists them the other way round.
        public let shape: [Int]
        /// How the weights are stored.
        public let type: GGUFTensorType
        /// The bytes, counted from the start of the file.
        public let byteRange: Range<Int>

        /// The number of weights.
        public var elementCount: Int { byteRange.count / type.bytesPerBlock * type.elementsPerBlock }
    }

    /// The file.
    public var url: URL { file.url }
    /// The format's version, 2 or 3.
    public let version: Int
    /// The metadata by key.
    public let metadata: [String: GGUFValue]
    /// The tensors in the file's order.
    public let tensors: [Tensor]
    /// The boundary to which tensor data is aligned, in bytes.
    public let alignment: Int
    private let indices: [String: Int]
    private let file: MappedFile

    /// Opens and checks a file, or throws a `WeightsError` that says what is wrong with it.
    public init(contentsOf url: URL) throws {
        let file = try MappedFile(contentsOf: url)
        let path = url.path
        let header: GGUFHeader
        do {
            header = try file.withBytes { bytes throws(GGUFCursor.Fault) in try GGUFHeader(bytes) }
        } catch {
            let reason = "at byte \(error.offset), \(error.reason)"
            throw error.isTruncation
                ? WeightsError.truncated(path: path, reason: reason)
                : WeightsError.malformed(path: path, reason: reason)
        }
        var tensors: [Tensor] = []
        tensors.reserveCapacity(header.tensors.count)
        var indices: [String: Int] = [:]
        for stated in header.tensors {
            let tensor = try Self.check(
                stated,
                dataStart: header.dataStart,
                alignment: header.alignment,
                path: path
            )
            guard indices.updateValue(tensors.count, forKey: tensor.name) == nil else {
                throw WeightsError.malformed(
                    path: path,
                    reason: "the tensor \"\(tensor.name)\" is listed twice"
                )
            }
            tensors.append(tensor)
        }
        try Self.checkLayout(tensors, fileSize: file.count, path: path)
        self.version = header.version
        self.metadata = header.metadata
        self.alignment = header.alignment
        self.tensors = tensors
        self.indices = indices
        self.file = file
    }

    /// The tensor of this name, if the file has it.
    public func tensor(named name: String) -> Tensor? {
        indices[name].map { tensors[$0] }
    }

    /// Gives a tensor's stored bytes, still quantised; the pointer must not leave `body`.
    public func withBytes<Result>(
        of name: String,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let tensor = tensor(named: name) else {
            throw WeightsError.missingTensor(path: url.path, name: name)
        }
        return try file.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[tensor.byteRange])) }
    }

    /// Turns a statement of the header into a tensor whose sizes are consistent.
    private static func check(
        _ stated: GGUFHeader.Tensor,
        dataStart: Int,
        alignment: Int,
        path: String
    ) throws(WeightsError) -> Tensor {
        let name = stated.name
        guard let type = GGUFTensorType(rawValue: stated.type) else {
            throw .unsupportedType(
                path: path,
                tensor: name,
                type: "the unknown type \(stated.type)",
                remedy: "convert the model again with a current converter, to Q8_0 or F16"
            )
        }
        guard let rowLength = Int(exactly: stated.dimensions.first ?? 1),
            rowLength.isMultiple(of: type.elementsPerBlock)
        else {
            throw .malformed(
                path: path,
                reason: "the rows of tensor \"\(name)\" are no whole number of \(type.name) blocks "
                    + "of \(type.elementsPerBlock)"
            )
        }
        var size = type.bytesPerBlock
        var shape: [Int] = []
        for (position, stated) in stated.dimensions.enumerated() {
            guard let dimension = Int(exactly: stated),
                case let factor = position == 0 ? dimension / type.elementsPerBlock : dimension,
                case (let product, let overflow) = size.multipliedReportingOverflow(by: factor), !overflow
            else {
                throw .malformed(path: path, reason: "the shape of tensor \"\(name)\" is impossibly large")
            }
            size = product
            shape.append(dimension)
        }
        guard stated.offset.isMultiple(of: UInt64(alignment)), let offset = Int(exactly: stated.offset),
            case (let begin, let overflow) = offset.addingReportingOverflow(dataStart), !overflow,
            case (let end, let tooLong) = begin.addingReportingOverflow(size), !tooLong
        else {
            throw .malformed(
                path: path,
                reason:
                    "the offset \(stated.offset) of tensor \"\(name)\" is not a possible multiple of \(alignment)"
            )
        }
        return Tensor(name: name, shape: shape.reversed(), type: type, byteRange: begin..<end)
    }

    /// Checks that no two tensors share bytes and that all lie in the file.
    private static func checkLayout(_ tensors: [Tensor], fileSize: Int, path: String)
        throws(WeightsError)
    {
        let ordered = tensors.sorted {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound) < (
                $1.byteRange.lowerBound, $1.byteRange.upperBound
            )
        }
        for (earlier, later) in zip(ordered, ordered.dropFirst())
        where earlier.byteRange.upperBound > later.byteRange.lowerBound {
            throw .malformed(
                path: path,
                reason: "tensors \"\(earlier.name)\" and \"\(later.name)\" overlap"
            )
        }
        guard let cut = ordered.first(where: { $0.byteRange.upperBound > fileSize }) else { return }
        let expected = ordered.map(\.byteRange.upperBound).max() ?? fileSize
        throw .truncated(
            path: path,
            reason: "tensor \"\(cut.name)\" is cut: it takes bytes \(cut.byteRange.lowerBound) to "
                + "\(cut.byteRange.upperBound), the file has \(fileSize) and should have at least \(expected)"
        )
    }
}
