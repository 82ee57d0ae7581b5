import TemperModel
import TemperText
import TemperTorch

/// DARE: some of an update's numbers, drawn at random, become zero, and the others grow so that the sum is expected
/// to stay.
///
/// Yu et al. (arXiv 2311.03099, equation 1): `d := m * d / (1 - p)` with m = 0 with probability p. On an adapter the
/// factors are thinned out, each by itself, as PEFT's `dare_linear` does: `B A` is what is expected of the product,
/// though not value by value what the paper's draw on `B A` itself gives, which would have full rank.
enum DropAndRescale {
    /// A pair whose factors have lost this share of their numbers.
    @TorchActor
    static func apply(_ rate: Double, to update: LowRank, seed: UInt64) throws(TorchError) -> LowRank {
        guard rate > 0 else { return update }
        var generator = SplitMix64(seed: seed)
        func thinned(_ tensor: Tensor) throws(TorchError) -> Tensor {
            let values = Self.thinned(try tensor.doubles(), rate: rate, by: &generator)
            return try .from(values, shape: tensor.shape, device: tensor.device)
        }
        let b = try thinned(update.b)
        return LowRank(b: b, a: try thinned(update.a))
    }

    static func thinned(_ values: [Double], rate: Double, by generator: inout SplitMix64) -> [Double] {
        values.map { generator.unit() < rate ? 0 : $0 / (1 - rate) }
    }
}
