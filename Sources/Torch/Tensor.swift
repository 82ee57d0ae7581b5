import CTemperTorch

/// A libtorch tensor.
///
/// Operations throw `TorchError` and never abort. A tensor belongs to `TorchActor`; results leave it as values
/// (`floats()`, `item()`).
public final class Tensor {
    let handle: tt_tensor

    init(owning handle: tt_tensor) {
        self.handle = handle
    }

    deinit {
        tt_release(handle)
    }

    /// Runs a call that makes one tensor.
    static func make(
        _ operation: StaticString,
        _ operands: [Tensor] = [],
        _ body: (UnsafeMutablePointer<tt_tensor?>) -> tt_status
    ) throws(TorchError) -> Tensor {
        var out: tt_tensor?
        let status = body(&out)
        guard status == TT_OK, let out else {
            throw TorchError(status, operation: operation, shapes: operands.map(\.shape))
        }
        return Tensor(owning: out)
    }

    // MARK: Properties

    /// Sizes of the dimensions.
    public var shape: [Int] {
        var sizes = [Int64](repeating: 0, count: Int(tt_rank(handle)))
        tt_shape(handle, &sizes)
        return sizes.map(Int.init)
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Element type.
    public var dtype: DType { DType(tt_get_dtype(handle)) }

    /// Where the elements live.
    public var device: Device { Device(tt_get_device(handle)) }

    /// Whether `backward` accumulates a gradient into this tensor.
    public var requiresGradient: Bool { tt_requires_grad(handle) }

    /// Marks a leaf tensor as trainable, or not.
    public func setRequiresGradient(_ required: Bool) throws(TorchError) {
        try check(tt_set_requires_grad(handle, required), "requires_grad", self)
    }

    /// The accumulated gradient, if there is one.
    public func gradient() throws(TorchError) -> Tensor? {
        var out: tt_tensor?
        try check(tt_grad(handle, &out), "grad", self)
        return out.map { Tensor(owning: $0) }
    }

    /// Forgets the accumulated gradient.
    public func clearGradient() throws(TorchError) {
        try check(tt_clear_grad(handle), "clear_grad", self)
    }

    // MARK: Values out

    /// The value of a tensor that holds one element.
    public func item() throws(TorchError) -> Double {
        var value = 0.0
        try check(tt_item(handle, &value), "item", self)
        return value
    }

    /// The elements, row-major, as float32.
    public func floats() throws(TorchError) -> [Float] {
        try to(.float32).copyOut(of: Float.self)
    }

    /// The elements, row-major, as integers.
    public func integers() throws(TorchError) -> [Int] {
        try to(.int64).copyOut(of: Int64.self).map(Int.init)
    }

    private func copyOut<Element>(of type: Element.Type) throws(TorchError) -> [Element] {
        let count = count
        var status = TT_OK
        let values = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            let bytes = Int64(count * MemoryLayout<Element>.stride)
            if let base = buffer.baseAddress { status = tt_copy_out(handle, base, bytes) }
            initialized = status == TT_OK ? count : 0
        }
        try check(status, "copy_out", self)
        return values
    }

    /// Copies the elements, row-major and in the tensor's own dtype, into `buffer`, which must have exactly their size.
    package func copyBytes(into buffer: UnsafeMutableRawBufferPointer) throws(TorchError) {
        guard let base = buffer.baseAddress else { return }
        try check(tt_copy_out(handle, base, Int64(buffer.count)), "copy_out", self)
    }

    // MARK: Creation

    /// A tensor from float32 values, row-major.
    public convenience init(_ values: [Float], shape: [Int], device: Device = .cpu) throws(TorchError) {
        try self.init(copying: values, shape: shape, dtype: .float32, device: device)
    }

    /// A tensor from integers, row-major.
    public convenience init(_ values: [Int], shape: [Int]? = nil, device: Device = .cpu) throws(TorchError) {
        try self.init(copying: values.map(Int64.init), shape: shape ?? [values.count], dtype: .int64, device: device)
    }

    private convenience init<Element>(
        copying values: [Element],
        shape: [Int],
        dtype: DType,
        device: Device
    ) throws(TorchError) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill shape \(shape)")
        var out: tt_tensor?
        let status = values.withUnsafeBytes { bytes in
            // An empty array has no address; libtorch never reads through it.
            withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { spare in
                let base = bytes.baseAddress ?? UnsafeRawPointer(spare.baseAddress.unsafelyUnwrapped)
                return tt_from_bytes(base, shape.map(Int64.init), Int32(shape.count), dtype.code, device.code, &out)
            }
        }
        guard status == TT_OK, let out else { throw TorchError(status, operation: "from_bytes", shapes: [shape]) }
        self.init(owning: out)
    }

    /// A tensor that copies raw memory holding elements of `dtype`, row-major.
    package convenience init(
        bytes: UnsafeRawBufferPointer,
        shape: [Int],
        dtype: DType,
        device: Device = .cpu
    ) throws(TorchError) {
        precondition(bytes.count == shape.reduce(1, *) * dtype.byteCount, "\(bytes.count) bytes do not fill \(shape)")
        var out: tt_tensor?
        var status = TT_INVALID
        if let base = bytes.baseAddress {
            status = tt_from_bytes(base, shape.map(Int64.init), Int32(shape.count), dtype.code, device.code, &out)
        }
        guard status == TT_OK, let out else { throw TorchError(status, operation: "from_bytes", shapes: [shape]) }
        self.init(owning: out)
    }

    /// A tensor filled with one value.
    public static func full(
        _ value: Double,
        shape: [Int],
        dtype: DType = .float32,
        device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try make("full") { tt_full(value, shape.map(Int64.init), Int32(shape.count), dtype.code, device.code, $0) }
    }

    /// A tensor of zeros.
    public static func zeros(
        _ shape: [Int],
        dtype: DType = .float32,
        device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try full(0, shape: shape, dtype: dtype, device: device)
    }

    /// Uniform random float32 values in `[low, high)` from a generator with this seed.
    public static func uniform(
        _ low: Double,
        _ high: Double,
        shape: [Int],
        seed: UInt64,
        device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try make("uniform") {
            tt_uniform(low, high, seed, shape.map(Int64.init), Int32(shape.count), device.code, $0)
        }
    }

    /// Normally distributed random values around 0, drawn on the device by its own generator (`Torch.seed`).
    package static func normal(
        deviation: Double,
        shape: [Int],
        dtype: DType,
        device: Device
    ) throws(TorchError) -> Tensor {
        try make("normal") {
            tt_normal(deviation, shape.map(Int64.init), Int32(shape.count), dtype.code, device.code, $0)
        }
    }

    // MARK: Shape and movement

    /// This tensor in another dtype or on another device; itself when nothing changes.
    public func to(_ dtype: DType? = nil, device: Device? = nil) throws(TorchError) -> Tensor {
        let dtype = dtype ?? self.dtype
        let device = device ?? self.device
        return try .make("to", [self]) { tt_to(handle, dtype.code, device.code, $0) }
    }

    /// A copy with its own memory.
    public func clone() throws(TorchError) -> Tensor { try .make("clone", [self]) { tt_clone(handle, $0) } }

    /// The same memory, cut off from the gradient graph.
    public func detached() throws(TorchError) -> Tensor { try .make("detach", [self]) { tt_detach(handle, $0) } }

    /// The elements laid out row-major.
    public func contiguous() throws(TorchError) -> Tensor {
        try .make("contiguous", [self]) { tt_contiguous(handle, $0) }
    }

    /// The same elements in another shape; one size may be -1.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
        try .make("reshape", [self]) { tt_reshape(handle, shape.map(Int64.init), Int32(shape.count), $0) }
    }

    /// Two dimensions swapped.
    public func transposed(_ first: Int, _ second: Int) throws(TorchError) -> Tensor {
        try .make("transpose", [self]) { tt_transpose(handle, Int64(first), Int64(second), $0) }
    }

    /// A dimension of size one inserted at `dim`.
    public func unsqueezed(_ dim: Int) throws(TorchError) -> Tensor {
        try .make("unsqueeze", [self]) { tt_unsqueeze(handle, Int64(dim), $0) }
    }

    /// `length` entries of dimension `dim` from `start` on; shares memory.
    public func narrowed(_ dim: Int, from start: Int, length: Int) throws(TorchError) -> Tensor {
        try .make("narrow", [self]) { tt_narrow(handle, Int64(dim), Int64(start), Int64(length), $0) }
    }

    /// Tensors joined along `dim`.
    public static func concatenated(_ tensors: [Tensor], along dim: Int) throws(TorchError) -> Tensor {
        let handles = tensors.map { Optional($0.handle) }
        return try make("cat", tensors) { tt_cat(handles, Int32(handles.count), Int64(dim), $0) }
    }

    /// The entries of dimension `dim` that `index` [n] names.
    public func selected(_ dim: Int, _ index: Tensor) throws(TorchError) -> Tensor {
        try .make("index_select", [self, index]) { tt_index_select(handle, Int64(dim), index.handle, $0) }
    }

    /// One entry of `dim` for each entry of `index`.
    public func gathered(_ dim: Int, _ index: Tensor) throws(TorchError) -> Tensor {
        try .make("gather", [self, index]) { tt_gather(handle, Int64(dim), index.handle, $0) }
    }

    /// Overwrites the elements with those of `source`, cast and broadcast as needed; no gradient flows.
    public func copy(from source: Tensor) throws(TorchError) {
        try check(tt_copy_in(handle, source.handle), "copy", self, source)
    }

    /// Sets `self[rows[i], columns[i]] = source[i]` in place.
    public func put(_ source: Tensor, rows: Tensor, columns: Tensor) throws(TorchError) {
        try check(tt_put(handle, rows.handle, columns.handle, source.handle), "put", self, source)
    }
}
