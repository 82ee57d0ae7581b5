public import TemperModel
import TemperTorch
import TemperTune

/// Safe Delta: of the tuned update those input columns are kept that safety rows notice least, and the other columns
/// are moved so that they notice less still.
///
/// Lu et al. (arXiv 2505.12038, section 4), after Optimal Brain Surgeon: a change D of a weight W [out, in] costs
/// safety, to second order and layer by layer, `L(D) = 1/2 tr(D H D^T)` with H the sum of `x x^T` over what W reads of
/// safety rows. With G = H^-1, moving one weight m by d_m costs `d_m^2 / (2 G_mm)` if all others are moved along by the
/// compensation `d_m / G_mm * G_m`. Weights are taken in the order of utility over cost, `d_m^2 / (d_m^2 / (2 G_mm)) =
/// 2 G_mm`, until a budget is spent.
///
/// All weights of a column of W have the same G_mm, so that this order is one of columns. Here whole columns S are
/// taken. The best compensation for them together is `D' = D_S G_SS^-1 G_S:`, which in S is D_S itself and everywhere
/// else makes the slope of L vanish; and with `D = B A` it is `B A'` with `A' = A_S G_SS^-1 G_S:`: only A changes, the
/// rank stays, and the result is an adapter without residual. With `G = C C^T`, columns and rows in the order in which
/// they are taken, and `Y = C^-1 A^T`, the first k of them give `A'^T = C_:k Y_k:`, and L grows by `1/2 ||B y_k||^2`
/// with the k-th.
///
/// Variant: whole columns; compensation and cost are exact for all of S, where the paper's sum over single weights and
/// its code compensates in later columns only. The budget is a share of what W itself gives for the same rows, `L(D')
/// <= budget * L(W)`, where the authors' has the units of their models' weights. As there, H gets 0.01 of its mean
/// diagonal on top; no share of columns is left out beforehand. Safety rows are embedded harmful requests, refused.
public struct SafeDelta: WeightDefence {
    /// What the update may cost in each module, as a share of the weight's own size on safety rows.
    public var budget: Double
    /// Safety rows to look at.
    public var rows: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "safe-delta",
            title: "Second-order selection (Safe Delta)",
            stage: .weights,
            paper: "arXiv 2505.12038",
            fidelity: .variant,
            summary:
                "Keeps the columns of the update that safety rows notice least, and compensates in the others; a pass "
                + "over these rows, no training."
        )
    ) { knobs in
        .weights(
            SafeDelta(
                budget: try knobs.number("budget", default: 1e-5, in: 0...1000),
                rows: try knobs.count("rows", default: 128, in: 1...10_000)
            )
        )
    }

    /// Bytes of H, of all layers that are looked at in one pass.
    static let memory = 1 << 30

    /// The adapter with some of its A changed.
    @TorchActor
    public func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange {
        let model = context.reference
        model.network.detach()
        let copy = try model.merged()
        let linears = Dictionary(uniqueKeysWithValues: copy.network.linears.map { ($0.name, $0) })
        let examples = try AlignmentData.draw(rows, from: [.refusals], seed: context.seed)
        let tokens = try Dataset(name: "safety rows", examples: examples)
            .tokenized(for: model, cutoffLength: 512).rows.map(\.ids)
        var pairs: [(String, LoRAPair)] = []
        var sums = Sums()
        for group in Self.groups(adapter.pairs.map { $0.pair.a.shape[1] }) {
            let own = adapter.pairs[group]
            let modules = own.compactMap { linears[$0.module] }
            precondition(modules.count == own.count, "an adapter's modules are those of its model")
            let curvatures = try Self.curvatures(of: modules, over: tokens, in: copy)
            for (index, (module, pair)) in own.enumerated() {
                pairs.append((module, try changed(pair, of: modules[index], curvatures[index], &sums)))
            }
        }
        return WeightChange(
            Adapter(adapter.configuration, pairs: pairs),
            note: sums.note,
            measures: sums.measures
        )
    }

    /// What was found, over all modules.
    private struct Sums {
        var modules = 0
        var columns = 0
        var kept = 0
        /// L of the weights, of the tuned update and of the changed one.
        var weight = 0.0
        var before = 0.0
        var after = 0.0

        var measures: [String: Double] {
            [
                "modules": Double(modules), "columns": Double(columns), "columns_kept": Double(kept),
                "cost_tuned": share(before), "cost": share(after),
            ]
        }

        private func share(_ cost: Double) -> Double { weight > 0 ? cost / weight : 0 }

        var note: String {
            func percent(_ cost: Double) -> String { "\((share(cost) * 1e4).rounded() / 100) %" }
            return "\(kept) of \(columns) input columns kept in \(modules) modules; on safety rows the squared change "
                + "of what they give falls from \(percent(before)) of its size to \(percent(after))."
        }
    }

    @TorchActor
    private func changed(
        _ pair: LoRAPair,
        of linear: Linear,
        _ curvature: Tensor?,
        _ sums: inout Sums
    ) throws(TorchError) -> LoRAPair {
        var a = try pair.a.detached().clone()
        let b = try pair.b.detached().clone()
        // What reads nothing of safety rows, such as an expert that none is sent to, costs nothing.
        if let curvature, let damped = try Self.damped(curvature) {
            let weight = try linear.weight.to(.float64)
            let size = try weight.matmul(damped).multiplied(by: weight).sum().item() / 2
            let found = try Selection(of: LowRank(pair), curvature: damped, limit: budget * size)
            if !found.isWhole { a = try found.a.to(.float32) }
            sums.modules += 1
            sums.columns += a.shape[1]
            sums.kept += found.columns
            sums.weight += size
            sums.before += found.whole
            sums.after += found.cost
        }
        return LoRAPair(a: a, b: b, scale: pair.scale)
    }

    /// Consecutive modules whose H fit into the memory for it, of their inputs' widths; at least one in each.
    static func groups(_ widths: [Int]) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (start, bytes) = (0, 0)
        for (index, width) in widths.enumerated() {
            if index > start, bytes + 4 * width * width > memory {
                groups.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += 4 * width * width
        }
        return start < widths.count ? groups + [start..<widths.count] : groups
    }

    /// The sums of `x x^T` over what layers of a copy for inference read of rows, [in, in] float32 each; nil where one
    /// reads nothing. Layers that read the same have the same one.
    @TorchActor
    static func curvatures(
        of linears: [Linear],
        over rows: [[Int]],
        in copy: LanguageModel
    ) throws(TorchError) -> [Tensor?] {
        var sums = [Tensor?](repeating: nil, count: linears.count)
        var leaders = Array(linears.indices)
        var last: (x: Tensor, leader: Int)?
        for (index, linear) in linears.enumerated() {
            linear.observe = { x throws(TorchError) in
                if let last, last.x === x {
                    leaders[index] = last.leader
                    return
                }
                last = (x, index)
                let wide = try x.to(.float32)
                let product = try wide.transposed(0, 1).matmul(wide)
                if let sum = sums[index] { try sum.add(product) } else { sums[index] = product }
            }
        }
        defer { for linear in linears { linear.observe = nil } }
        for start in stride(from: 0, to: rows.count, by: 16) {
            let batch = try PackedBatch(
                Array(rows[start..<min(start + 16, rows.count)]),
                leaving: [],
                device: copy.device
            )
            _ = try withoutGradients { () throws(TorchError) in try copy.network.hiddenStates(batch) }
        }
        return leaders.map { sums[$0] }
    }

    /// H in double precision with 0.01 of its mean diagonal on top; nil where it is nothing.
    @TorchActor
    static func damped(_ curvature: Tensor) throws(TorchError) -> Tensor? {
        let n = curvature.shape[0]
        let identity = try Tensor.identity(n, device: curvature.device)
        let wide = try curvature.to(.float64)
        let mean = try wide.multiplied(by: identity).sum().item() / Double(n)
        return mean > 0 ? try wide.adding(identity, times: 0.01 * mean) : nil
    }

    /// What is kept of the update of one weight.
    @TorchActor
    struct Selection {
        /// A of the changed update, [r, in] float64; its B is that of the update.
        let a: Tensor
        /// How many columns are kept as they were.
        let columns: Int
        /// L of the changed update.
        let cost: Double
        /// The same of the whole one.
        let whole: Double

        /// Whether the update is kept as it was.
        var isWhole: Bool { columns == a.shape[1] }

        /// Takes columns in the order of `G_mm` as long as L is at most `limit`.
        ///
        /// - Parameter curvature: H, positive definite, [in, in] float64.
        init(of update: LowRank, curvature: Tensor, limit: Double) throws(TorchError) {
            let n = curvature.shape[0]
            let half = try curvature.cholesky().solvedLower(.identity(n, device: curvature.device))
            let inverse = try half.transposed(0, 1).matmul(half)
            let spread = try half.multiplied(by: half).sum(along: 0).doubles()
            let order = (0..<n).sorted { (-spread[$0], $0) < (-spread[$1], $1) }
            let taken = try Tensor(order, device: curvature.device)
            let c = try inverse.selected(0, taken).selected(1, taken).cholesky()
            let y = try c.solvedLower(update.a.transposed(0, 1).selected(0, taken))
            let inner = try update.b.transposed(0, 1).matmul(update.b)
            // Rounding may make less than nothing of what is next to nothing; what is no number must not pass for that.
            let costs = try y.matmul(inner).multiplied(by: y).sum(along: 1).doubles()
                .map { $0.isNaN ? .infinity : max(0, $0) / 2 }
            var (sum, count) = (0.0, 0)
            while count < n, sum + costs[count] <= limit {
                sum += costs[count]
                count += 1
            }
            var places = order
            for (place, column) in order.enumerated() { places[column] = place }
            a = try c.narrowed(1, from: 0, length: count).matmul(y.narrowed(0, from: 0, length: count))
                .selected(0, Tensor(places, device: curvature.device)).transposed(0, 1).contiguous()
            columns = count
            cost = sum
            whole = costs.reduce(0, +)
        }
    }
}

extension Tensor {
    /// Ones on the diagonal, [n, n] float64.
    fileprivate static func identity(_ n: Int, device: Device) throws(TorchError) -> Tensor {
        let identity = try Tensor.zeros([n, n], dtype: .float64, device: device)
        let places = try Tensor(Array(0..<n), device: device)
        try identity.put(.full(1, shape: [n], dtype: .float64, device: device), rows: places, columns: places)
        return identity
    }
}
