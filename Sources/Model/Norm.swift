import TemperTorch

/// Normalises rows: to a root mean square of 1, or to mean 0 and variance 1; then each value by its weight.
@TorchActor
struct Norm {
    /// [d]; read in float32 while it is trained.
    let weight: Weight
    /// [d], added at the end; only where the mean is subtracted.
    var bias: Tensor?
    let subtractsMean: Bool
    let epsilon: Double

    /// x [..., d] to the same shape; with the weight as it was before training where `adapted` is false.
    func callAsFunction(_ x: Tensor, adapted: Bool = true) throws(TorchError) -> Tensor {
        let trained = adapted ? try weight.trainedWide : nil
        let weight = trained ?? weight.tensor(adapted: adapted)
        return subtractsMean
            ? try Layers.layerNorm(x, weight: weight, bias: bias, epsilon: epsilon)
            : try Layers.rmsNorm(x, weight: weight, epsilon: epsilon)
    }

    /// A copy whose weight stays as it is now.
    func merged() throws(TorchError) -> Norm {
        Norm(weight: try weight.settled(wide: true), bias: bias, subtractsMean: subtractsMean, epsilon: epsilon)
    }
}
