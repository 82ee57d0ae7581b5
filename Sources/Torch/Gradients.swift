import CTemperTorch

extension Tensor {
    /// Accumulates the gradient of this scalar into every trainable tensor it depends on.
    public func backward() throws(TorchError) {
        try check(tt_backward(handle), "backward", self)
    }

    /// The gradient of this scalar for each of `inputs`, zeros where it does not depend on one.
    ///
    /// Nothing is accumulated in the inputs, so that several threads may ask for the same ones at once.
    package func gradients(of inputs: [Tensor]) throws(TorchError) -> [Tensor] {
        var handles = [tt_tensor?](repeating: nil, count: inputs.count)
        try check(tt_gradients(handle, inputs.map { $0.handle }, Int32(inputs.count), &handles), "gradients", self)
        let found = handles.map { $0.map(Tensor.init(owning:)) }
        var gradients: [Tensor] = []
        for (input, gradient) in zip(inputs, found) {
            if let gradient {
                gradients.append(gradient)
            } else {
                gradients.append(try Tensor.zeros(input.shape, device: input.device))
            }
        }
        return gradients
    }
}

/// Runs `body` without recording for gradients, and restores the mode afterwards.
///
/// The closure is synchronous by type: gradient mode belongs to the thread, and an `await` could leave it.
public func withoutGradients<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let before = tt_gradients_enabled()
    tt_set_gradients_enabled(false)
    defer { tt_set_gradients_enabled(before) }
    return try body()
}

/// AdamW with decoupled weight decay (arXiv 1711.05101) on float32 parameters.
@TorchActor
public final class AdamW {
    /// The moments of one parameter.
    package struct Moments {
        package var first: Tensor
        package var second: Tensor
    }

    /// The parameters, in a fixed order.
    public let parameters: [Tensor]
    /// Decay rate of the first moment.
    public let beta1: Double
    /// Decay rate of the second moment.
    public let beta2: Double
    /// Added to the denominator.
    public let epsilon: Double
    /// Decoupled weight decay.
    public let weightDecay: Double
    /// Steps taken so far.
    public package(set) var step = 0
    package let moments: [Moments]

    /// Creates the optimiser with zero moments.
    public init(
        _ parameters: [Tensor],
        beta1: Double = 0.9,
        beta2: Double = 0.999,
        epsilon: Double = 1e-8,
        weightDecay: Double = 0.01
    ) throws(TorchError) {
        self.parameters = parameters
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        var moments: [Moments] = []
        for parameter in parameters {
            let first = try Tensor.zeros(parameter.shape, device: parameter.device)
            moments.append(Moments(first: first, second: try first.clone()))
        }
        self.moments = moments
    }

    /// Updates every parameter from its gradient, one of `gradients` each, in place.
    public func update(with gradients: [Tensor], learningRate: Double) throws(TorchError) {
        precondition(gradients.count == parameters.count, "one gradient for each parameter")
        let count = Int32(parameters.count)
        try check(
            tt_adamw(
                parameters.map { $0.handle },
                gradients.map { $0.handle },
                moments.map { $0.first.handle },
                moments.map { $0.second.handle },
                count,
                Int64(step + 1),
                learningRate,
                beta1,
                beta2,
                epsilon,
                weightDecay
            ),
            "adamw"
        )
        step += 1
    }

    /// The 2-norm of all gradients together.
    public static func globalNorm(_ tensors: [Tensor]) throws(TorchError) -> Double {
        var norm = 0.0
        try check(tt_global_norm(tensors.map { $0.handle }, Int32(tensors.count), &norm), "global_norm")
        return norm
    }

    /// Scales gradients in place so that their global norm is at most `limit`; returns the norm before.
    public static func clip(_ gradients: [Tensor], to limit: Double) throws(TorchError) -> Double {
        let norm = try globalNorm(gradients)
        if limit > 0, norm > limit {
            for gradient in gradients { try gradient.scale(by: limit / (norm + 1e-6)) }
        }
        return norm
    }
}
