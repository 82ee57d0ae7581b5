import TemperTorch

/// Gradients of the parts of a step, added up in the order they come in.
@TorchActor
struct GradientSum {
    /// In the order of the parameters; empty before the first part.
    private(set) var gradients: [Tensor] = []

    /// Adds a part's; the first part's tensors become the sum's own, unless their numbers share memory.
    mutating func add(_ slopes: [Tensor]) throws(TorchError) {
        guard !gradients.isEmpty else {
            gradients = try slopes.map { slope throws(TorchError) in try slope.contiguous() }
            return
        }
        for (sum, slope) in zip(gradients, slopes) { try sum.add(slope) }
    }
}
