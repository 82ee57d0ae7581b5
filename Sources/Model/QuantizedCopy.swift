package import TemperTorch
import TemperWeights

/// A copy of a model as it answers once it is shipped in fewer bits.
///
/// The weights of the layers that an adapter can sit on are rounded to a storage format and made whole again, so the
/// copy computes with the values that the file would hold. Embedding, norms and output head stay as they are. Rounding
/// alone can undo a safety alignment (arXiv 2404.04392), which is why it is measured.
extension LanguageModel {
    /// The formats: GGUF's, as llama.cpp rounds to them without an importance matrix, and QLoRA's.
    public enum Quantization: String, CaseIterable, Sendable {
        /// Blocks of 32 weights as in GGUF files.
        case q8_0, q5_1, q5_0, q4_1, q4_0
        /// Blocks of 64 weights as in QLoRA.
        case nf4

        /// What one weight takes.
        public var bitsPerWeight: Double {
            switch self {
            case .q8_0: 8.5
            case .q5_1: 6
            case .q5_0: 5.5
            case .q4_1: 5
            case .q4_0: 4.5
            case .nf4: 4.5
            }
        }

        private var stored: GGUFTensorType? {
            switch self {
            case .q8_0: .q8_0
            case .q5_1: .q5_1
            case .q5_0: .q5_0
            case .q4_1: .q4_1
            case .q4_0: .q4_0
            case .nf4: nil
            }
        }

        /// A weight [out, in] rounded, in its own type and place; one whose rows are no whole blocks stays as it is, as
        /// in GGUF files.
        @TorchActor
        func rounded(_ weight: Tensor) throws(TorchError) -> Tensor {
            guard let stored else { return try NormalFloat(weight).weight }
            guard weight.shape[1].isMultiple(of: stored.elementsPerBlock) else { return weight }
            let values = try weight.to(.float32, device: .cpu).floats()
            return try Tensor(BlockEncoder.rounded(values, to: stored), shape: weight.shape)
                .to(weight.dtype, device: weight.device)
        }
    }

    /// A merged copy whose layers' weights are rounded to `format`.
    package func merged(roundedTo format: Quantization) throws(TorchError) -> LanguageModel {
        let copy = try merged()
        try withoutGradients { () throws(TorchError) in
            for linear in copy.network.linears { try linear.round(to: format) }
        }
        return copy
    }
}
