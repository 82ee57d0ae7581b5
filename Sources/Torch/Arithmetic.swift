import CTemperTorch

extension Tensor {
    /// `self + alpha * other`, broadcast.
    public func adding(_ other: Tensor, times alpha: Double = 1) throws(TorchError) -> Tensor {
        try .make("add", [self, other]) { tt_add(handle, other.handle, alpha, $0) }
    }

    /// `self * other`, elementwise and broadcast.
    public func multiplied(by other: Tensor) throws(TorchError) -> Tensor {
        try .make("mul", [self, other]) { tt_mul(handle, other.handle, $0) }
    }

    /// `self / other`, elementwise and broadcast.
    public func divided(by other: Tensor) throws(TorchError) -> Tensor {
        try .make("div", [self, other]) { tt_div(handle, other.handle, $0) }
    }

    /// `self * factor`.
    public func scaled(by factor: Double) throws(TorchError) -> Tensor {
        try .make("scale", [self]) { tt_scale(handle, factor, $0) }
    }

    /// `self + value`.
    public func adding(_ value: Double) throws(TorchError) -> Tensor {
        try .make("add_scalar", [self]) { tt_add_scalar(handle, value, $0) }
    }

    /// The exponential of each element.
    public func exponential() throws(TorchError) -> Tensor {
        try .make("exp", [self]) { tt_unary(TT_EXP, handle, $0) }
    }

    /// `x * sigmoid(x)` of each element.
    public func silu() throws(TorchError) -> Tensor {
        try .make("silu", [self]) { tt_unary(TT_SILU, handle, $0) }
    }

    /// `x * Phi(x)` of each element, Phi being the normal distribution's; or its approximation by tanh (arXiv 1606.08415).
    public func gelu(approximated: Bool = false) throws(TorchError) -> Tensor {
        try .make("gelu", [self]) { tt_unary(approximated ? TT_GELU_TANH : TT_GELU, handle, $0) }
    }

    /// The hyperbolic tangent of each element.
    public func tanh() throws(TorchError) -> Tensor {
        try .make("tanh", [self]) { tt_unary(TT_TANH, handle, $0) }
    }

    /// Adds `alpha * other` in place; no gradient flows.
    public func add(_ other: Tensor, times alpha: Double = 1) throws(TorchError) {
        try check(tt_add_in_place(handle, other.handle, alpha), "add_", self, other)
    }

    /// Multiplies by `factor` in place; no gradient flows.
    public func scale(by factor: Double) throws(TorchError) {
        try check(tt_scale_in_place(handle, factor), "scale_", self)
    }

    /// The sum of all elements, a scalar tensor.
    public func sum() throws(TorchError) -> Tensor {
        try .make("sum", [self]) { tt_sum(handle, $0) }
    }

    /// The sum along one dimension.
    public func sum(along dim: Int, keepingDimension keep: Bool = false) throws(TorchError) -> Tensor {
        try .make("sum_dim", [self]) { tt_sum_dim(handle, Int64(dim), keep, $0) }
    }

    /// The index of the largest element along one dimension, int64.
    public func argmax(along dim: Int) throws(TorchError) -> Tensor {
        try .make("argmax", [self]) { tt_argmax(handle, Int64(dim), $0) }
    }

    /// The 2-norm of all elements.
    public func norm() throws(TorchError) -> Double {
        try Tensor.make("norm", [self]) { tt_norm(handle, $0) }.item()
    }

    /// The matrix product.
    public func matmul(_ other: Tensor) throws(TorchError) -> Tensor {
        try .make("matmul", [self, other]) { tt_matmul(handle, other.handle, $0) }
    }

    /// The lower triangle C of a symmetric positive definite matrix, which is `C C^T`; only the lower half counts.
    ///
    /// - Throws: `TorchError` where the matrix is not positive definite.
    public func cholesky() throws(TorchError) -> Tensor {
        try .make("cholesky", [self]) { tt_cholesky(handle, $0) }
    }

    /// `C^-1 right`, for this lower triangle C [n, n] and right [n, m].
    public func solvedLower(_ right: Tensor) throws(TorchError) -> Tensor {
        try .make("solvedLower", [self, right]) { tt_solve_lower(handle, right.handle, $0) }
    }

    /// The logarithm of the softmax along one dimension.
    public func logSoftmax(along dim: Int) throws(TorchError) -> Tensor {
        try .make("log_softmax", [self]) { tt_log_softmax(handle, Int64(dim), $0) }
    }
}
