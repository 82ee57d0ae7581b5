import CTemperTorch

/// Element type of a tensor.
public enum DType: String, Sendable, Codable, CaseIterable {
    case float32, bfloat16, float16, float64, int64, bool

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float32: 4
        case .bfloat16, .float16: 2
        case .float64, .int64: 8
        case .bool: 1
        }
    }

    var code: tt_dtype {
        switch self {
        case .float32: TT_FLOAT32
        case .bfloat16: TT_BFLOAT16
        case .float16: TT_FLOAT16
        case .float64: TT_FLOAT64
        case .int64: TT_INT64
        case .bool: TT_BOOL
        }
    }

    init(_ code: tt_dtype) {
        switch code {
        case TT_BFLOAT16: self = .bfloat16
        case TT_FLOAT16: self = .float16
        case TT_FLOAT64: self = .float64
        case TT_INT64: self = .int64
        case TT_BOOL: self = .bool
        default: self = .float32
        }
    }
}

/// Where a tensor lives.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    /// Main memory.
    case cpu
    /// The accelerator with this index.
    case cuda(Int)

    /// The first accelerator when there is one, else the CPU.
    public static var best: Device {
        tt_device_count(TT_CUDA) > 0 ? .cuda(0) : .cpu
    }

    /// The device of that name: `auto`, `cpu`, `cuda` or `cuda:INDEX`; nil where there is no such name.
    public init?(named name: String) {
        switch name {
        case "auto": self = .best
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            let parts = name.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "cuda", let index = Int(parts[1]), index >= 0 else { return nil }
            self = .cuda(index)
        }
    }

    /// Why the device cannot be used here, if so.
    public var absence: String? {
        guard case .cuda(let index) = self, index >= Torch.acceleratorCount else { return nil }
        return Torch.acceleratorCount == 0
            ? "libtorch finds no CUDA device here; use cpu, or a CUDA build of libtorch on a machine with an NVIDIA GPU "
                + "(`temper doctor` says what is there)"
            : "there are \(Torch.acceleratorCount) CUDA devices here, numbered from 0"
    }

    /// `cpu` or `cuda:INDEX`.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// The fastest float type that keeps training stable: bfloat16 where the hardware multiplies it natively
    /// (AVX512-BF16, AMX, any accelerator), else float32. Emulated bfloat16 is 44 to 499 times slower.
    public var preferredFloat: DType {
        self == .cpu && !tt_cpu_has_bfloat16() ? .float32 : .bfloat16
    }

    var code: tt_device {
        switch self {
        case .cpu: tt_device(kind: TT_CPU, index: 0)
        case .cuda(let index): tt_device(kind: TT_CUDA, index: Int32(index))
        }
    }

    init(_ code: tt_device) {
        self = code.kind == TT_CUDA ? .cuda(Int(code.index)) : .cpu
    }
}

/// Facts and switches of the libtorch in this process.
public enum Torch {
    /// libtorch's version.
    public static var version: String { String(cString: tt_version()) }

    /// The vector instructions libtorch chose, for example `AVX512`.
    public static var cpuCapability: String { String(cString: tt_cpu_capability()) }

    /// True when the processor multiplies bfloat16 natively.
    public static var cpuHasBFloat16: Bool { tt_cpu_has_bfloat16() }

    /// True when the processor multiplies whole tiles of bfloat16 (AMX), and the system lets this process do so.
    public static var cpuHasTiles: Bool { tt_cpu_has_tiles() }

    /// Accelerators that can be used.
    public static var acceleratorCount: Int { Int(tt_device_count(TT_CUDA)) }

    /// Waits for an accelerator; the most bytes that tensors have taken there so far.
    package static func peakMemory(of device: Device) throws(TorchError) -> Int {
        var bytes: Int64 = 0
        try check(tt_device_peak(device.code, &bytes), "device_peak")
        return Int(bytes)
    }

    /// Tensor handles alive in this process.
    package static var liveHandles: Int { Int(tt_live_handles()) }

    /// Processor threads that a job may use; at first what OpenMP finds (its affinity, or `OMP_NUM_THREADS`).
    @TorchActor public private(set) static var threads = Int(tt_threads())

    /// Sets how many processor threads a job may use.
    @TorchActor public static func setThreads(_ count: Int) {
        threads = max(count, 1)
        operationThreads = threads
    }

    /// Threads that one operation on the torch thread may use.
    ///
    /// OpenMP's threads spin for a while after each operation they shared, and take the processor from those that
    /// work: so this stays at 1 from the first job that is done in parts, until one is done whole.
    @TorchActor static var operationThreads = Int(tt_threads()) {
        didSet { if operationThreads != oldValue { tt_set_threads(Int32(clamping: operationThreads)) } }
    }

    /// Seeds libtorch's global generator.
    @TorchActor public static func seed(_ seed: UInt64) throws(TorchError) {
        try check(tt_manual_seed(seed), "manual_seed")
    }
}
