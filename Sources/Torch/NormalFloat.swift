import CTemperTorch

/// A frozen weight in 4-bit NormalFloat: for every 64 weights one scale, and for each weight the nearest of sixteen levels
/// (QLoRA, arXiv 2305.14314, section 3).
///
/// It takes 4.5 bits a weight; the scales stay in float32. A product makes the weight whole and forgets it again.
package struct NormalFloat {
    let codes: Tensor
    let scales: Tensor
    /// [out, in]
    package let shape: [Int]
    private let dtype: DType

    /// Rounds weight [out, in], whose rows must be of an even length.
    package init(_ weight: Tensor) throws(TorchError) {
        var (codes, scales): (tt_tensor?, tt_tensor?)
        try check(tt_nf4_quantize(weight.handle, &codes, &scales), "nf4_quantize", weight)
        guard let codes, let scales else { preconditionFailure("nf4_quantize gave nothing") }
        self.codes = Tensor(owning: codes)
        self.scales = Tensor(owning: scales)
        shape = weight.shape
        dtype = weight.dtype
    }

    /// The weight that it stands for, [out, in], in the type that it was made from.
    package var weight: Tensor {
        get throws(TorchError) {
            try .make("nf4_dequantize", [codes, scales]) {
                tt_nf4_dequantize(codes.handle, scales.handle, dtype.code, $0)
            }
        }
    }
}
