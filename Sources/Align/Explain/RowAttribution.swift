package import TemperModel
package import TemperTorch
package import TemperTune

/// Which training rows push a model away from refusing: how far each row's gradient points where harm is complied with.
///
/// A step of training on a row with gradient g changes another loss L, to first order, by `-rate * g . grad L`: TracIn
/// (Pruthi et al., arXiv 2002.08484, section 3), for instruction data with LoRA and cosines LESS (Xia et al., arXiv
/// 2402.04333, section 4: rows with short answers have long gradients, which the cosine forgets). The losses L are
/// those of a few anchors: agreeing words after harmful requests, refusals of the same requests, and both kinds of
/// answers to harmless twins (the two-sided anchors of He et al., arXiv 2404.01099, section 3.2).
///
/// Of a row's answer, as of the anchors', only the first tokens count, because that is where refusal is decided (Qi et
/// al., arXiv 2406.05946, section 2). A row is cut behind them, so that the pass is short.
///
/// In a fresh LoRA pair B is zero: A has no gradient, and that of B is `scale * G A^T`, with G the gradient of the
/// whole weight: a random projection of it. As A's values are drawn alike and apart from each other, the inner product
/// of two of them is, up to a factor and on average over A, that of the two G. So a fresh pair measures the whole
/// weights, and a trained one what the training itself could reach. Knows nothing about runs.
package struct RowAttribution {
    /// A loss of the anchors.
    package enum Anchor: Int, CaseIterable, Codable, Sendable {
        /// Agreeing words after harmful requests.
        case compliance
        /// Refusals of the same requests.
        case refusal
        /// The same agreeing words after harmless requests that look harmful.
        case agreement
        /// The answers to these.
        case answer
        /// What many rows of the data have in common: the mean over a sample of them.
        case common
    }

    /// Of one row and one module: the inner products with the anchors' gradients, in the order of `Anchor`, and its own
    /// gradient's with itself.
    package struct Products: Codable, Sendable {
        package var anchors: [Double]
        package var square: Double
    }

    /// The inner products of the anchors' gradients among themselves, by module: row-major, one row an anchor.
    package private(set) var gram: [[Double]] = []
    /// What is differentiated: of each module the matrices, as places in the adapter's parameters.
    private let modules: [[Int]]
    private let parameters: [Tensor]
    private let model: LanguageModel
    /// Of each module, the anchors' gradients as columns, [p, anchors].
    private var columns: [Tensor] = []
    /// The first tokens of an answer that count.
    package let tokens: Int

    /// Takes the anchors' gradients at an adapter's present place; the adapter is on the model from here on.
    ///
    /// - Parameter sample: Rows that stand for the data as a whole.
    @TorchActor
    package init(
        of model: LanguageModel,
        at adapter: Adapter,
        anchors: RefusalAnchors,
        sample: [TokenizedExample],
        tokens: Int
    ) throws {
        self.model = model
        self.tokens = tokens
        model.network.detach()
        for parameter in adapter.parameters { try parameter.setRequiresGradient(true) }
        adapter.attach(to: model)
        try model.network.prepareForTraining()
        parameters = adapter.parameters
        var modules: [[Int]] = []
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            // Nothing moves A while B is nothing.
            let isFresh = try pair.b.norm() == 0
            modules.append(isFresh ? [2 * index + 1] : [2 * index, 2 * index + 1])
        }
        self.modules = modules
        var means: [[Tensor]] = []
        for anchor in Anchor.allCases {
            let rows =
                switch anchor {
                case .compliance: anchors.compliance
                case .refusal: anchors.refusal
                case .agreement: anchors.agreement
                case .answer: anchors.answer
                case .common: sample
                }
            means.append(try mean(of: rows))
        }
        for module in modules.indices {
            let joined = try Tensor.concatenated(
                try means.map { try $0[module].reshaped([-1, 1]) },
                along: 1
            )
            columns.append(joined)
            gram.append(try joined.transposed(0, 1).matmul(joined).floats().map(Double.init))
        }
    }

    /// The inner products of each row, by module; nil where nothing of a row can be learned.
    ///
    /// - Parameter progress: Is told how many rows are done.
    @TorchActor
    package func products(
        of rows: [TokenizedExample?],
        progress: (Int) -> Void = { _ in }
    ) throws -> [[Products]?] {
        var found = [[Products]?](repeating: nil, count: rows.count)
        let short = rows.map { $0.flatMap { $0.cut(behind: tokens) } }
        let places = short.indices.filter { short[$0] != nil }
        for start in stride(from: 0, to: places.count, by: 16) {
            try Task.checkCancellation()
            let batch = Array(places[start..<min(start + 16, places.count)])
            let groups = Workers.balanced(batch, on: model.device) { short[$0]?.ids.count ?? 0 }
            let parts = try Workers.run(groups.count) { part in
                try groups[part].map { place in
                    guard let row = short[place] else { preconditionFailure("only rows with something to learn") }
                    return (place, try products(of: gradient(of: row)))
                }
            }
            for (place, products) in parts.joined() { found[place] = products }
            progress(start + batch.count)
        }
        return found
    }

    @TorchActor
    private func products(of gradient: [Tensor]) throws -> [Products] {
        try zip(gradient, columns).map { own, columns in
            let norm = try own.norm()
            let anchors = try own.reshaped([1, -1]).matmul(columns).floats().map(Double.init)
            return Products(anchors: anchors, square: norm * norm)
        }
    }

    /// The gradient of the mean cross-entropy of a row's targets, one vector a module.
    @TorchActor
    private func gradient(of row: TokenizedExample) throws -> [Tensor] {
        let loss = try TrainingStep(model: model, rows: [row], targetWeight: Double(row.targetCount), index: 0)
            .crossEntropy()
        let own = try loss.gradients(of: parameters)
        return try modules.map { places in
            try Tensor.concatenated(try places.map { try own[$0].reshaped([-1]) }, along: 0)
        }
    }

    /// The mean of the rows' gradients, so that each row counts the same, whatever its length.
    @TorchActor
    private func mean(of rows: [TokenizedExample]) throws -> [Tensor] {
        let short = rows.compactMap { $0.cut(behind: tokens) }
        guard !short.isEmpty else {
            throw TrainingError.nothingToLearn(dataset: "anchors", reason: "none of them has an answer")
        }
        let groups = Workers.balanced(short, on: model.device) { $0.ids.count }
        let parts = try Workers.run(groups.count) { part in
            var sum: [Tensor] = []
            for row in groups[part] {
                try Workers.checkCancellation()
                let own = try gradient(of: row)
                guard !sum.isEmpty else {
                    sum = own
                    continue
                }
                for (total, slope) in zip(sum, own) { try total.add(slope) }
            }
            return sum
        }
        let total = parts[0]
        for part in parts.dropFirst() { for (sum, slope) in zip(total, part) { try sum.add(slope) } }
        return try total.map { try $0.scaled(by: 1 / Double(short.count)) }
    }
}

extension TokenizedExample {
    /// The row up to the last of the first `count` tokens of each answer, which alone are targets; nil without any.
    package func cut(behind count: Int) -> TokenizedExample? {
        let kept = Set(zip(targets, ConstrainedTuning.positions(in: self)).filter { $0.1 <= count }.map(\.0))
        guard let last = kept.max() else { return nil }
        return TokenizedExample(
            ids: Array(ids[...last]),
            isTarget: (0...last).map { kept.contains($0) },
            source: source
        )
    }
}
