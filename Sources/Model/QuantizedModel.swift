package import TemperTorch

/// Models whose linear layers keep their weights in four bits (QLoRA, arXiv 2305.14314).
///
/// Embedding, norms and output head stay as they are. What is assessed is `merged()`, whose weights are whole again: those
/// that the training saw, up to rounding.
extension LanguageModel {
    /// Keeps the weights of every layer that an adapter can sit on in four bits.
    package func quantize() throws(TorchError) {
        for linear in network.linears { try linear.quantize() }
    }

    /// The model as it is with the adapter on it, to be trained further: a copy with the adapter added into the weights.
    ///
    /// Weights in four bits are too coarse for that: rounded again, they would lose most of the adapter. There the
    /// adapter stays beside them as a part of the model, and it is the model itself that is given back.
    package func settled() throws(TorchError) -> LanguageModel {
        guard network.linears.contains(where: \.isQuantized) else { return try merged() }
        for linear in network.linears { try linear.settle() }
        return self
    }
}
