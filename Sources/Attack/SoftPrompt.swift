package import TemperModel
package import TemperTorch

/// A suffix of free vectors instead of tokens, moved until a wanted opening is likely (Schwinn et al., arXiv 2402.09063,
/// section 3): `v <- v - step * sign(gradient)`.
///
/// No user can send such a suffix, but who has the weights can; it bounds from above what any text does, and shows whether
/// what a model refuses to say is still in it. The step is given in units of the embeddings' root mean square, because
/// models differ in that by orders of magnitude; the paper's 0.001 for Llama 2 is about 0.06 of them.
@TorchActor
package struct SoftPrompt {
    /// The vectors with the lowest loss so far, [s, d] float32.
    package private(set) var best: Tensor
    package private(set) var bestLoss = Double.infinity
    /// The loss before each step.
    package private(set) var losses: [Double] = []
    private let objective: TargetLoss
    private var vectors: Tensor
    private let stepSize: Double

    /// Starts from the vectors of the prompt's exclamation marks.
    package init(_ prompt: SuffixPrompt, on network: DecoderNetwork, stepSize: Double) throws {
        objective = TargetLoss(network, prompt)
        vectors = try objective.vectors(of: prompt.start)
        best = vectors
        let embeddings = network.embeddings
        // The norm in float32: a sum of that many squares is too long for a narrow type.
        let size = try embeddings.to(.float32).norm() / Double(embeddings.count).squareRoot()
        self.stepSize = stepSize * size
    }

    /// Computes the loss where the vectors are, and moves them.
    package mutating func step() throws {
        let (loss, gradient) = try objective.gradient(at: vectors)
        losses.append(loss)
        if loss < bestLoss { (best, bestLoss) = (vectors, loss) }
        let signs = try gradient.floats().map { $0 > 0 ? Float(1) : $0 < 0 ? -1 : 0 }
        let direction = try Tensor(signs, shape: gradient.shape, device: gradient.device)
        vectors = try vectors.adding(direction, times: -stepSize)
    }

    /// What the model says with the best vectors in place.
    package func answer(maxNewTokens: Int, endIDs: Set<Int>) throws -> (ids: [Int], ended: Bool) {
        try objective.answer(to: best, maxNewTokens: maxNewTokens, endIDs: endIDs)
    }
}
