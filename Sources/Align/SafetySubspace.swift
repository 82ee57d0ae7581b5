import TemperModel
import TemperTorch

/// What a safety alignment moved in one weight, as a matrix C that other updates are multiplied with, and how much of
/// an update it keeps.
///
/// With the safety vector V = W_aligned - W_raw [out, in] there are two of them. Safe LoRA (arXiv 2405.16833, section
/// 3) takes `C = V V^T / ||V||_F`. That is no projector: it stretches each direction by the square of V's singular
/// value, over V's norm, and applied twice it gives something else. The orthogonal projector `C = U U^T` takes U, an
/// orthonormal basis of V's columns, so that the part of an update inside them stays as it is. As V is a LoRA update
/// `B A`, neither needs a matrix of more rows or columns than its rank.
@TorchActor
struct SafetySubspace {
    /// `C = left right`; [out, r] and [r, out], float64.
    private let left: Tensor
    private let right: Tensor

    /// - Returns: nil where the alignment left the weight as it was.
    init?(of alignment: LowRank, as projection: SafeLoRA.Projection) throws(TorchError) {
        let norm = try alignment.norm()
        guard norm > 0 else { return nil }
        switch projection {
        case .scaled:
            let inner = try alignment.a.matmul(alignment.a.transposed(0, 1)).scaled(by: 1 / norm)
            left = try alignment.b.matmul(inner)
            right = try alignment.b.transposed(0, 1)
        case .orthogonal:
            left = try alignment.leftSingular().vectors
            right = try left.transposed(0, 1)
        }
    }

    /// `C B A`, with `C B` in the place of B.
    func projected(_ update: LowRank) throws(TorchError) -> LowRank {
        LowRank(b: try left.matmul(right.matmul(update.b)), a: update.a)
    }

    /// How the update of one module lies to the alignment's.
    struct Reading {
        let module: String
        /// `cos(C B A, B A)`: 1 where alignment moved nothing but the update's directions, 0 where it moved none of
        /// them.
        let cosine: Double
        /// `C B A`
        let projected: LowRank
    }

    /// Looks at every module that both adapters change and neither leaves as it was, before anything is changed.
    static func readings(
        of adapter: Adapter,
        against alignment: Adapter,
        as projection: SafeLoRA.Projection
    ) throws(TorchError) -> [Reading] {
        let vectors = Dictionary(uniqueKeysWithValues: alignment.pairs.map { ($0.module, $0.pair) })
        var readings: [Reading] = []
        for (module, pair) in adapter.pairs {
            guard let vector = vectors[module] else { continue }
            guard let space = try SafetySubspace(of: LowRank(vector), as: projection) else { continue }
            let update = try LowRank(pair)
            guard try update.norm() > 0 else { continue }
            let projected = try space.projected(update)
            let cosine = try projected.cosine(update) ?? 0
            readings.append(Reading(module: module, cosine: cosine, projected: projected))
        }
        return readings
    }
}

extension WeightContext {
    /// The alignment's adapter, or an error that says how to get one.
    func requireAlignment(for method: DefenceCard) throws -> Adapter {
        guard let alignment else { throw DefenceError.noAlignment(method: method.method) }
        return alignment
    }
}
