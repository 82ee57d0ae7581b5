/// What the front of a GGUF file states: version, metadata, alignment and the list of tensors.
///
/// Everything that can be judged without knowing the tensors' storage types is checked here; sizes and places are
/// judged by `GGUFFile`.
struct GGUFHeader {
    /// One line of the tensor list as the file states it, dimensions fastest first.
    struct Tensor {
        var name: String
        var dimensions: [UInt64]
        var type: UInt32
        var offset: UInt64
    }

    /// ggml's limit for the number of dimensions.
    static let dimensionLimit = 4

    let version: Int
    let metadata: [String: GGUFValue]
    let tensors: [Tensor]
    let alignment: Int
    /// Where tensor data starts, in bytes from the start of the file.
    let dataStart: Int

    init(_ bytes: UnsafeRawBufferPointer) throws(GGUFCursor.Fault) {
        var cursor = GGUFCursor(bytes)
        guard bytes.starts(with: "GGUF".utf8) else {
            throw cursor.fault("the magic \"GGUF\" is missing; this is not a GGUF file")
        }
        _ = try cursor.number(UInt32.self)
        version = try Self.version(&cursor)
        // The shortest tensor line: an empty name, no dimensions, type and offset. The shortest pair: an empty key,
        // a type and one byte.
        let tensorCount = try cursor.count(of: "tensors", minimum: 24)
        let pairCount = try cursor.count(of: "metadata pairs", minimum: 13)
        metadata = try Self.metadata(&cursor, count: pairCount)
        alignment = try Self.alignment(metadata, cursor)
        var tensors: [Tensor] = []
        tensors.reserveCapacity(tensorCount)
        for _ in 0..<tensorCount { tensors.append(try Self.tensor(&cursor)) }
        self.tensors = tensors
        dataStart = (cursor.position + alignment - 1) / alignment * alignment
    }

    private static func version(_ cursor: inout GGUFCursor) throws(GGUFCursor.Fault) -> Int {
        let version = try cursor.number(UInt32.self)
        switch version {
        case 2, 3:
            return Int(version)
        case 1:
            throw cursor.fault("the file has version 1, which is no longer read; convert the model again")
        case let other where (1...9).contains(other.byteSwapped):
            throw cursor.fault(
                "the file is big endian; convert the model again for a little endian machine"
            )
        default:
            throw cursor.fault("the file has version \(version); versions 2 and 3 can be read")
        }
    }

    private static func metadata(
        _ cursor: inout GGUFCursor,
        count: Int
    ) throws(GGUFCursor.Fault) -> [String: GGUFValue] {
        var metadata: [String: GGUFValue] = [:]
        for _ in 0..<count {
            let key = try name(&cursor, of: "a metadata key")
            guard metadata.updateValue(try cursor.value(), forKey: key) == nil else {
                throw cursor.fault("the metadata key \"\(key)\" occurs twice")
            }
        }
        return metadata
    }

    private static func alignment(
        _ metadata: [String: GGUFValue],
        _ cursor: GGUFCursor
    ) throws(GGUFCursor.Fault) -> Int {
        guard let stated = metadata["general.alignment"] else { return 32 }
        guard case .uint32(let value) = stated, value.nonzeroBitCount == 1, value <= 1 << 20 else {
            throw cursor.fault("general.alignment is not a power of two up to \(1 << 20)")
        }
        return Int(value)
    }

    private static func tensor(_ cursor: inout GGUFCursor) throws(GGUFCursor.Fault) -> Tensor {
        let name = try name(&cursor, of: "a tensor name")
        let count = try cursor.number(UInt32.self)
        guard count <= dimensionLimit else {
            throw cursor.fault(
                "tensor \"\(name)\" claims \(count) dimensions; up to \(dimensionLimit) are possible"
            )
        }
        var dimensions: [UInt64] = []
        for _ in 0..<count { dimensions.append(try cursor.number()) }
        return Tensor(
            name: name,
            dimensions: dimensions,
            type: try cursor.number(),
            offset: try cursor.number()
        )
    }

    private static func name(_ cursor: inout GGUFCursor, of what: String) throws(GGUFCursor.Fault)
        -> String
    {
        let bytes = try cursor.string().bytes
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw cursor.fault("\(what) is not valid UTF-8")
        }
        return name
    }
}
