import CTemperTorch

/// A libtorch call that failed: what was asked, of which shapes, and what libtorch said.
public struct TorchError: Error, CustomStringConvertible, Sendable {
    /// The kinds of failure a caller can branch on.
    public enum Kind: String, Sendable {
        /// The device or the machine has no memory left; a smaller batch may fit.
        case outOfMemory
        /// Shapes, dtypes or indices do not fit each other.
        case invalid
        /// The operation does not exist for this device or dtype.
        case unsupported
        /// The accelerator or its driver failed.
        case device
        /// Anything else that libtorch reports.
        case `internal`
    }

    /// What kind of failure it is.
    public var kind: Kind
    /// The operation that failed, by the name it has here.
    public var operation: String
    /// libtorch's own words, without its stack trace.
    public var message: String
    /// Shapes of the operands, where the operation has any.
    public var shapes: [[Int]]

    /// The failure in one line, with the remedy where there is one.
    public var description: String {
        let operands = shapes.isEmpty ? "" : " of shapes " + shapes.map { "\($0)" }.joined(separator: ", ")
        let remedy =
            kind == .outOfMemory
            ? " (out of memory: lower per_device_train_batch_size, cutoff_len or the assessment's batch size)" : ""
        return "\(operation)\(operands) failed: \(message)\(remedy)"
    }
}

extension TorchError {
    /// The error of the call that has just failed on this thread.
    init(_ status: tt_status, operation: StaticString, shapes: [[Int]]) {
        let kind: Kind =
            switch status {
            case TT_OUT_OF_MEMORY: .outOfMemory
            case TT_INVALID: .invalid
            case TT_UNSUPPORTED: .unsupported
            case TT_DEVICE: .device
            default: .internal
            }
        self.init(kind: kind, operation: "\(operation)", message: String(cString: tt_error_message()), shapes: shapes)
    }
}

extension TorchError {
    /// The status that such an error is made from.
    var status: tt_status {
        switch kind {
        case .outOfMemory: TT_OUT_OF_MEMORY
        case .invalid: TT_INVALID
        case .unsupported: TT_UNSUPPORTED
        case .device: TT_DEVICE
        case .internal: TT_INTERNAL
        }
    }
}

/// Throws when `status` is not success. Call it at once, on the thread that made the call.
func check(_ status: tt_status, _ operation: StaticString, _ operands: Tensor...) throws(TorchError) {
    guard status != TT_OK else { return }
    throw TorchError(status, operation: operation, shapes: operands.map(\.shape))
}
