import TemperTorch

/// Normalises rows: to a root mean square of 1, or to mean 0 and variance 1; then each value by its weight.
@TorchActor
struct Norm {
    /// [d]
    let weight: Tensor
    let subtractsMean: Bool
    let epsilon: Double

    /// x [..., d] to the same shape.
    func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        subtractsMean
            ? try Layers.layerNorm(x, weight: weight, epsilon: epsilon)
            : try Layers.rmsNorm(x, weight: weight, epsilon: epsilon)
    }
}
