import CTemperTorch

extension Layers {
    /// What `body` makes of `x`, with nothing kept for the backward pass but `x`: there `body` runs once more
    /// (arXiv 1604.06174). It costs a second forward pass and saves what the layers inside would keep.
    ///
    /// - Parameters:
    ///   - parameters: All that `body` trains: gradients flow to these and to `x`.
    ///   - body: Must do the same each time; it runs on the thread that asks for gradients, or on an accelerator's own
    ///     while that one waits.
    package static func recomputed(
        _ x: Tensor,
        parameters: [Tensor],
        _ body: @escaping (Tensor) throws(TorchError) -> Tensor
    ) throws(TorchError) -> Tensor {
        let context = Unmanaged.passRetained(Body(run: body)).toOpaque()
        return try .make("recomputed", [x]) { out in
            tt_recomputed(
                x.handle,
                parameters.map { $0.handle },
                Int32(parameters.count),
                { context, x, out in Unmanaged<Body>.fromOpaque(context).takeUnretainedValue().call(x, out) },
                context,
                { Unmanaged<Body>.fromOpaque($0).release() },
                out
            )
        }
    }

    private final class Body {
        private let run: (Tensor) throws(TorchError) -> Tensor

        init(run: @escaping (Tensor) throws(TorchError) -> Tensor) {
            self.run = run
        }

        /// No Swift error crosses the boundary: its message is the thread's last, its kind becomes a status again.
        func call(_ x: tt_tensor, _ out: UnsafeMutablePointer<tt_tensor?>?) -> tt_status {
            do {
                let input = Tensor(owning: x)
                let made = try WorkerThread.standingIn { () throws(TorchError) in try run(input) }
                return withExtendedLifetime(made) { tt_share(made.handle, out) }
            } catch {
                return error.status
            }
        }
    }
}
