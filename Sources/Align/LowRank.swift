import TemperModel
import TemperTorch

/// The update of one weight in factors, `B A`, in double precision; whatever is asked of it, the product is never
/// made.
///
/// With B [out, r] and A [r, in] every inner product and every singular value of `B A` can be had from matrices of r
/// rows and columns: `<B1 A1, B2 A2> = sum of (B1^T B2) * (A1 A2^T)`, value by value. It knows nothing about
/// defences.
@TorchActor
struct LowRank {
    /// [out, r], float64
    let b: Tensor
    /// [r, in], float64
    let a: Tensor

    init(b: Tensor, a: Tensor) {
        self.b = b
        self.a = a
    }

    /// The update of a LoRA pair, its scale in B.
    init(_ pair: LoRAPair) throws(TorchError) {
        b = try pair.b.detached().to(.float64).scaled(by: pair.scale)
        a = try pair.a.detached().to(.float64)
    }

    var rank: Int { a.shape[0] }

    /// The same update times a number.
    func scaled(by factor: Double) throws(TorchError) -> LowRank {
        LowRank(b: try b.scaled(by: factor), a: a)
    }

    /// The sum with another update; the ranks add up.
    func adding(_ other: LowRank) throws(TorchError) -> LowRank {
        LowRank(b: try .concatenated([b, other.b], along: 1), a: try .concatenated([a, other.a], along: 0))
    }

    /// The inner product of two updates, all their values taken as one vector.
    func inner(_ other: LowRank) throws(TorchError) -> Double {
        try b.transposed(0, 1).matmul(other.b).multiplied(by: a.matmul(other.a.transposed(0, 1))).sum().item()
    }

    /// The Frobenius norm.
    func norm() throws(TorchError) -> Double {
        // Rounding can leave a little less than nothing of an update that cancels out.
        max(0, try inner(self)).squareRoot()
    }

    /// The cosine of the angle between two updates; nil where one of them is nothing.
    func cosine(_ other: LowRank) throws(TorchError) -> Double? {
        let lengths = try norm() * other.norm()
        return lengths > 0 ? min(1, max(-1, try inner(other) / lengths)) : nil
    }

    /// The singular values above 1e-5 of the largest, largest first, and their left vectors, [out, n].
    ///
    /// With `A A^T = S S^T` the matrix `M = B S` has the same left vectors and values as `B A`, and `M^T M` has r
    /// rows.
    func leftSingular() throws(TorchError) -> (values: [Double], vectors: Tensor) {
        let r = rank
        let inputs = SymmetricEigen(try a.matmul(a.transposed(0, 1)).doubles(), size: r)
        let half = inputs.vectors.indices.map { inputs.vectors[$0] * max(0, inputs.values[$0 % r]).squareRoot() }
        let m = try b.matmul(Tensor.from(half, shape: [r, r], device: b.device))
        let own = SymmetricEigen(try m.transposed(0, 1).matmul(m).doubles(), size: r)
        let all = own.values.map { max(0, $0).squareRoot() }
        let values = all.filter { $0 > 1e-5 * (all.first ?? 0) }
        let turned = (0..<r).flatMap { row in values.indices.map { own.vectors[row * r + $0] / values[$0] } }
        return (values, try m.matmul(Tensor.from(turned, shape: [r, values.count], device: b.device)))
    }

    /// The nearest update of at most this rank (Eckart and Young), and what it lacks: the norm of the difference over
    /// that of the whole.
    func compressed(to limit: Int) throws(TorchError) -> (update: LowRank, residual: Double) {
        guard rank > limit else { return (self, 0) }
        let (values, vectors) = try leftSingular()
        let kept = try vectors.narrowed(1, from: 0, length: min(limit, values.count)).contiguous()
        let update = LowRank(b: kept, a: try kept.transposed(0, 1).matmul(b).matmul(a))
        let squares = values.map { $0 * $0 }
        let all = squares.reduce(0, +)
        return (update, all > 0 ? (squares.dropFirst(limit).reduce(0, +) / all).squareRoot() : 0)
    }
}

extension Adapter {
    /// An adapter with these updates and scale 1. Modules of `targets` without one get zeros, and smaller ranks are
    /// filled up with zeros, because PEFT's files have one rank for all.
    ///
    /// - Parameter limit: The highest rank; larger ones are compressed.
    /// - Returns: Also what the compression lost of all updates together: the norm of the difference over theirs.
    static func of(
        _ updates: [String: LowRank],
        targets: [String],
        limit: Int = .max,
        for model: LanguageModel
    ) throws(TorchError) -> (adapter: Adapter, residual: Double) {
        var (own, lost, all): ([String: LowRank], Double, Double) = ([:], 0, 0)
        for (module, update) in updates {
            let (nearest, residual) = try update.compressed(to: limit)
            own[module] = nearest
            let square = try update.inner(update)
            lost += residual * residual * square
            all += square
        }
        let rank = max(1, own.values.map(\.rank).max() ?? 1)
        var pairs: [(String, LoRAPair)] = []
        for linear in model.network.linears {
            let isTarget = targets.contains { linear.name == $0 || linear.name.hasSuffix(".\($0)") }
            guard isTarget || own[linear.name] != nil else { continue }
            let (output, input) = (linear.shape[0], linear.shape[1])
            var (columns, rows): ([Tensor], [Tensor]) = ([], [])
            if let update = own[linear.name] {
                columns.append(try update.b.to(.float32))
                rows.append(try update.a.to(.float32))
            }
            let missing = rank - (own[linear.name]?.rank ?? 0)
            if missing > 0 {
                columns.append(try .zeros([output, missing], device: model.device))
                rows.append(try .zeros([missing, input], device: model.device))
            }
            let pair = LoRAPair(
                a: try .concatenated(rows, along: 0),
                b: try .concatenated(columns, along: 1),
                scale: 1
            )
            pairs.append((linear.name, pair))
        }
        let configuration = LoRAConfiguration(r: rank, loraAlpha: Double(rank), targetModules: targets)
        return (Adapter(configuration, pairs: pairs), all > 0 ? (lost / all).squareRoot() : 0)
    }
}

extension Tensor {
    /// The elements, row-major, in double precision.
    func doubles() throws(TorchError) -> [Double] {
        let wide = try to(.float64).contiguous()
        var failure: TorchError?
        let count = count
        let values = [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(TorchError) {
                try wide.copyBytes(into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    /// A tensor from numbers in double precision, row-major.
    static func from(_ values: [Double], shape: [Int], device: Device) throws(TorchError) -> Tensor {
        guard !values.isEmpty else { return try .zeros(shape, dtype: .float64, device: device) }
        let made: Result<Tensor, TorchError> = values.withUnsafeBytes { bytes in
            do throws(TorchError) {
                return .success(try Tensor(bytes: bytes, shape: shape, dtype: .float64, device: device))
            } catch {
                return .failure(error)
            }
        }
        return try made.get()
    }
}
