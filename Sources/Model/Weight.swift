package import TemperTorch

/// One weight of a network under its name in the Hugging Face files: as it came and, while all weights are trained, what
/// stands in its place.
///
/// Training moves a float32 copy; what layers multiply with is made from it in the network's type after every step, so
/// that steps smaller than that type can tell apart are not lost (arXiv 1710.03740, section 3.1).
@TorchActor
package final class Weight {
    /// For example `model.layers.0.self_attn.q_proj.weight`.
    package let name: String
    /// What the network adds to the value in the files, which is what is trained.
    private let shift: Double
    private var original: Form
    private var replacement: (trained: Tensor, form: Form)?

    /// A weight as layers read it.
    private struct Form {
        let tensor: Tensor
        var packed: LinearLayer.Packed?

        mutating func prepare(forTraining: Bool) throws(TorchError) {
            guard packed.map({ forTraining && !$0.isForTraining }) ?? true else { return }
            packed = try LinearLayer.Packed(tensor, forTraining: forTraining)
        }
    }

    init(_ name: String, _ tensor: Tensor, shift: Double = 0) {
        self.name = name
        self.shift = shift
        original = Form(tensor: tensor)
    }

    /// The float32 copy that is trained, if any.
    var trained: Tensor? { replacement?.trained }

    /// The same as a layer reads it that works in float32, with gradients to what is trained.
    var trainedWide: Tensor? {
        get throws(TorchError) {
            guard let trained else { return nil }
            return try shifted(trained, by: shift)
        }
    }

    /// The weight as it is now, to be trained.
    func trainable() throws(TorchError) -> Tensor {
        try shifted(tensor().detached().to(.float32).clone(), by: -shift)
    }

    private func shifted(_ value: Tensor, by shift: Double) throws(TorchError) -> Tensor {
        shift == 0 ? value : try value.adding(shift)
    }

    /// As it came where `adapted` is false, else as it is now, in the network's type.
    func tensor(adapted: Bool = true) -> Tensor { form(adapted).tensor }

    /// The same as the matrix kernels read it, once `prepare` was called and where there are such.
    func packed(adapted: Bool) -> LinearLayer.Packed? { form(adapted).packed }

    private func form(_ adapted: Bool) -> Form {
        if adapted, let replacement { replacement.form } else { original }
    }

    /// Puts a trainable float32 copy in the weight's place.
    func replace(with trained: Tensor) throws(TorchError) {
        replacement = (trained, try working(trained))
    }

    /// Takes it away again.
    func restore() {
        replacement = nil
    }

    /// Makes what layers read from what was trained, after it has moved.
    func refresh() throws(TorchError) {
        guard let (trained, before) = replacement else { return }
        var form = try working(trained)
        if let packed = before.packed { try form.prepare(forTraining: packed.isForTraining) }
        replacement = (trained, form)
    }

    /// In float32 it is the same memory.
    private func working(_ trained: Tensor) throws(TorchError) -> Form {
        Form(tensor: try shifted(trained.detached(), by: shift).to(original.tensor.dtype))
    }

    /// Lays the weight out as the matrix kernels read it, where there are such.
    func prepare(forTraining: Bool) throws(TorchError) {
        if replacement != nil {
            try replacement?.form.prepare(forTraining: forTraining)
        } else {
            try original.prepare(forTraining: forTraining)
        }
    }

    /// Forgets what `prepare` made.
    func unprepare() {
        original.packed = nil
        replacement?.form.packed = nil
    }

    /// Makes a matrix orthogonal to a direction of length 1 along its first or second dimension, for good: of a weight that
    /// a merged copy has to itself. What was laid out for the matrix kernels is forgotten.
    func project(along dimension: Int, off direction: Tensor) throws(TorchError) {
        precondition(replacement == nil, "a weight that is trained is not projected")
        let wide = try original.tensor.to(.float32)
        let shape = wide.shape
        let matrix = try shape.count == 1 ? wide.reshaped([shape[0], 1]) : wide
        let column = try direction.reshaped([-1, 1])
        let row = try column.transposed(0, 1)
        let part =
            try dimension == 0 ? column.matmul(row.matmul(matrix)) : matrix.matmul(column).matmul(row)
        original = Form(tensor: try matrix.adding(part, times: -1).reshaped(shape).to(original.tensor.dtype))
    }

    /// A weight of its own that stays as this one is now; `wide` keeps what was trained in float32.
    func settled(wide: Bool = false) throws(TorchError) -> Weight {
        guard let (trained, form) = replacement else { return Weight(name, original.tensor, shift: shift) }
        let source = wide ? try shifted(trained, by: shift) : form.tensor
        return Weight(name, try source.detached().clone(), shift: shift)
    }
}
