public import TemperModel
import TemperTorch
public import TemperTune

/// Vaccine: safety rows are learned once more while what every layer gives is pushed to where the loss is highest; then
/// the user's rows are tuned on as before.
///
/// Huang et al. (arXiv 2402.01109, section 4 and algorithm 1): an alignment that withstands drift of the hidden states
/// solves `min over w of max over ||e|| <= rho of L(w, e)`, e = (e_1 ... e_n) being added to the outputs of the n
/// layers. To first order the worst is `e_l = rho * g_l / ||g||` with `g_l = dL / d h_l` and g all of them together, so
/// that each step takes two passes: one for g, and one, shifted by e, for the gradient that the optimiser follows.
///
/// Variant: shifted is the residual stream behind each layer, and each row by a length rho of its own, where the
/// authors' code shifts what attention gives and has one length for a batch: so the result does not depend on how a
/// batch is cut. The paper's alignment comes before a user's tuning, with an adapter of its own; here the first steps
/// of the defence's training are such an alignment on the embedded safety rows, on top of the run's own, and the steps
/// on the user's rows go on with the same adapter, optimiser and rate. In a safety step the logged loss is that without
/// shifts.
public struct Vaccine: PhasedDefence {
    /// Steps on safety rows, before the user's.
    public var alignmentSteps: Int
    /// Length of a row's shift, over all its tokens and all layers.
    public var rho: Double
    /// Safety rows in each micro-batch of a safety step.
    public var rows: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "vaccine",
            title: "Perturbation-aware realignment (Vaccine)",
            stage: .training,
            paper: "arXiv 2402.01109",
            fidelity: .variant,
            summary:
                "Learns safety rows with the layers' outputs pushed against it, then tunes again; a safety step costs "
                + "two passes."
        )
    ) { knobs in
        .training(
            Vaccine(
                alignmentSteps: try knobs.count("alignment_steps", default: 16, in: 1...10_000),
                rho: try knobs.number("rho", default: 2, in: 0...1000),
                rows: try knobs.count("rows", default: 8, in: 1...256)
            )
        )
    }

    /// Steps on safety rows, then the user's.
    public var phases: TrainingScheme.Phases { .leading(alignmentSteps) }

    /// Of rows that lie one after another, the shifts of length rho along their slopes: [t, d] for each layer.
    @TorchActor
    static func shifts(along slopes: [Tensor], lengths: [Int], rho: Double) throws(TorchError) -> [Tensor] {
        var squares = [Double](repeating: 0, count: lengths.reduce(0, +))
        for slope in slopes {
            let own = try slope.multiplied(by: slope).sum(along: 1).floats()
            for (token, square) in own.enumerated() { squares[token] += Double(square) }
        }
        var factors: [Float] = []
        for length in lengths {
            let norm = squares[factors.count..<factors.count + length].reduce(0, +).squareRoot()
            factors += [Float](repeating: norm > 0 ? Float(rho / norm) : 0, count: length)
        }
        var shifts: [Tensor] = []
        for slope in slopes {
            let scale = try Tensor(factors, shape: [factors.count, 1], device: slope.device)
            shifts.append(try slope.multiplied(by: scale))
        }
        return shifts
    }

    /// The cross-entropy of all targets of rows, summed: as they are, and shifted to where it is highest.
    @TorchActor
    static func losses(
        of rows: [TokenizedExample],
        in model: LanguageModel,
        rho: Double
    ) throws(TorchError) -> (plain: Tensor, shifted: Tensor) {
        // Each row is shifted by itself, so that none may share its beginning with another.
        let batch = try PackedBatch(rows.map(\.ids), leaving: [], device: model.device)
        let places = rows.enumerated().flatMap { index, row in
            row.targets.map { batch.row(of: $0 - 1, in: index) }
        }
        func loss(_ shifts: [Tensor]) throws(TorchError) -> Tensor {
            try Layers.linearCrossEntropy(
                hidden: model.network.hiddenStates(batch, shifts: shifts)
                    .selected(0, Tensor(places, device: model.device)),
                head: model.network.outputHead(),
                targets: model.targets(of: rows)
            )
        }
        let lengths = rows.map(\.ids.count)
        var nothing: [Tensor] = []
        for _ in model.network.layers {
            let shape = [lengths.reduce(0, +), model.configuration.hiddenSize]
            let zeros = try Tensor.zeros(shape, device: model.device)
            try zeros.setRequiresGradient(true)
            nothing.append(zeros)
        }
        let plain = try loss(nothing)
        let worst = try Self.shifts(along: plain.gradients(of: nothing), lengths: lengths, rho: rho)
        return (try plain.detached(), try loss(worst))
    }

    /// The shifted cross-entropy of safety rows, then that of the user's.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let safety = try AlignmentData.mixed(for: model, seed: seed)
        let (phases, rho, count) = (phases, rho, rows)
        return TrainingScheme(
            { step throws(TorchError) in
                guard phases.isOwn(step.index) else { return try TrainingLoss.supervised(step) }
                let shared = step.turn(count, of: safety)
                let own = step.own(shared)
                guard !own.isEmpty else {
                    let nothing = try step.nothing()
                    return TrainingLoss(total: nothing, logged: nothing)
                }
                let share = step.share / Double(shared.reduce(0) { $0 + $1.targetCount })
                // As they are, and shifted.
                step.count.add(own + own, learned: true)
                let losses = try Self.losses(of: own, in: step.model, rho: rho)
                let total = try losses.shifted.scaled(by: share)
                return TrainingLoss(
                    total: total,
                    logged: try losses.plain.scaled(by: share),
                    metrics: ["safety/shifted_loss": try total.item()]
                )
            },
            phases: phases
        )
    }
}
