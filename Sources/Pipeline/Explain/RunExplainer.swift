public import Foundation
import TemperAlign
public import TemperLedger
import TemperModel
public import TemperReport
import TemperRisk
import TemperText
public import TemperTorch
import TemperTune

/// Explains a finished tuning: opens a run, takes its reference and its tuned model, and asks what came between them.
///
/// Reads the run; writes only under its folder `explain`. The mathematics is `TemperAlign`'s (`RowAttribution`,
/// `UpdateDrift`, `RefusalDrift`, `OpeningDivergence`).
@TorchActor
public struct RunExplainer {
    /// How to look.
    public struct Options: Sendable {
        /// First tokens of an answer that count for a row's score.
        public var tokens = 5
        /// Anchors of each kind.
        public var anchors = 48
        /// Requests of each kind for the direction and the divergence.
        public var requests = 48
        /// Tokens of an answer at which the divergence is measured.
        public var openingTokens = 10
        /// How many rows are shown with their text.
        public var shown = 100
        /// Whether to train again without the first rows.
        public var retrains = false
        /// How many rows are left out then; nil means a tenth.
        public var leftOut: Int?

        /// The defaults.
        public init() {}
    }

    let directory: RunDirectory
    let recipe: Recipe
    let options: Options
    let sink: any EventSink

    /// Prepares the explanation of a run.
    public nonisolated init(_ directory: RunDirectory, options: Options = Options(), sink: any EventSink) throws {
        self.directory = directory
        self.options = options
        self.sink = sink
        recipe = try Recipe.load(directory.recipe, environment: [:])
    }

    /// Where the files go.
    public nonisolated var folder: URL { directory.url.appendingPathComponent("explain") }

    /// Explains the run, and writes `explain.json` and `explain.html`.
    public func explain() async throws -> Explanation {
        guard let lock = try RunLock(directory) else { throw PipelineError.busy(path: directory.url.path) }
        defer { withExtendedLifetime(lock) {} }
        if recipe.threads > 0 { Torch.setThreads(recipe.threads) }
        guard let last = Checkpoint.all(in: directory.checkpoints).last else {
            throw PipelineError.recipe(
                key: "tune",
                reason: "\(directory.url.relativePath) has no checkpoint of the tuning yet; finish it with `temper run`"
            )
        }
        sink.emit(RunEvent(.phase, phase: "explain", message: "opening \(recipe.modelNameOrPath)"))
        let model = try await LanguageModel.load(
            from: ModelReference.resolve(recipe.modelNameOrPath),
            dtype: recipe.floatType,
            device: Device(named: recipe.device) ?? .cpu
        )
        if recipe.quantizationBit != nil { try model.quantize() }
        let data = try recipe.tune.load(seed: recipe.seed)
        let (reference, alignment) = try reference(of: model)
        let plain = try reference.merged()
        let tuned = try trainable(at: last.url, for: reference)

        var explanation = Explanation(
            run: directory.name,
            model: recipe.modelNameOrPath,
            reference: recipe.align == nil ? "raw" : "aligned",
            tuned: "tuned@\(last.step)",
            settings: Explanation.Settings(
                tokens: options.tokens,
                anchors: options.anchors,
                requests: options.requests,
                seed: recipe.seed,
                places: [],
                score: PushScore.chosen.name
            )
        )
        try tuned.attach(to: reference)
        let after = try reference.merged()
        reference.network.detach()
        note("layers and directions")
        try addDrift(to: &explanation, tuned: tuned, reference: reference, plain: plain, after: after)
        note("first tokens of answers")
        explanation.openings = try OpeningDivergence.between(
            plain,
            after,
            tokens: options.openingTokens,
            count: options.requests,
            seed: recipe.seed
        ).map {
            Explanation.Opening(
                position: $0.position,
                harmful: $0.harmful,
                harmless: $0.harmless,
                harmfulCount: $0.harmfulCount,
                harmlessCount: $0.harmlessCount
            )
        }
        let ranked = try addRows(to: &explanation, data: data, reference: reference)
        if options.retrains {
            // Were the training interrupted, what is known already would be lost.
            try write(explanation)
            let count = options.leftOut ?? max(1, ranked.count / 10)
            explanation.retraining = try await retraining(
                without: count,
                of: ranked,
                data: data,
                reference: reference,
                alignment: alignment
            )
        }
        try write(explanation)
        return explanation
    }

    private func write(_ explanation: Explanation) throws {
        try LedgerFile.write(explanation, to: folder.appendingPathComponent("explain.json"))
        try LedgerFile.write(
            text: ExplanationPage.render(explanation),
            to: folder.appendingPathComponent("explain.html")
        )
    }

    func note(_ message: String) {
        sink.emit(RunEvent(.phase, phase: "explain", message: message))
    }

    // MARK: Opening

    /// The model that the run compares with, and the alignment's adapter where it is one.
    private func reference(of model: LanguageModel) throws -> (LanguageModel, Adapter?) {
        guard recipe.align != nil else { return (model, nil) }
        guard let aligned = recipe.alignment(in: directory) else {
            throw PipelineError.recipe(
                key: "align",
                reason: "\(directory.url.relativePath) has no alignment yet; finish it with `temper run`"
            )
        }
        let trained = try trainable(at: aligned, for: model)
        try trained.attach(to: model)
        let settled = try model.settled()
        if settled !== model { model.network.detach() }
        return (settled, trained as? Adapter)
    }

    /// What a checkpoint holds.
    private func trainable(at url: URL, for model: LanguageModel) throws -> any Trainable {
        FullWeights.lie(in: url) ? try FullWeights.load(from: url, for: model) : try Adapter.load(from: url, for: model)
    }

    // MARK: Drift

    private func addDrift(
        to explanation: inout Explanation,
        tuned: any Trainable,
        reference: LanguageModel,
        plain: LanguageModel,
        after: LanguageModel
    ) throws {
        let modules = try UpdateDrift.of(tuned, on: reference)
        let layers = Dictionary(uniqueKeysWithValues: UpdateDrift.byLayer(modules).map { ($0.layer, $0.relative) })
        explanation.modules = modules.sorted { ($1.relative, $0.module) < ($0.relative, $1.module) }
            .map { Explanation.Module(name: $0.module, drift: $0.relative) }
        explanation.layers = try RefusalDrift.between(plain, after, count: options.requests, seed: recipe.seed).map {
            Explanation.Layer(
                layer: $0.layer,
                drift: layers[$0.layer] ?? 0,
                cosine: $0.cosine,
                separationBefore: $0.separationBefore,
                separationAfter: $0.separationAfter
            )
        }
    }

    // MARK: Rows

    /// Ranks the training rows; what comes back are they in that order, with their scores.
    private func addRows(
        to explanation: inout Explanation,
        data: Dataset,
        reference: LanguageModel
    ) throws -> [(example: Example, score: Double)] {
        // A row that an epoch sees twice is one row; of a preference, the better answer is looked at.
        var seen: Set<Example> = []
        var examples: [Example] = []
        for var example in data.examples where seen.insert(example).inserted {
            example.rejected = nil
            examples.append(example)
        }
        let rows = try examples.map { example -> TokenizedExample? in
            do {
                return try Dataset(name: "row", examples: [example]).tokenized(
                    for: reference,
                    cutoffLength: recipe.tune.settings.cutoffLen
                ).rows.first
            } catch TrainingError.nothingToLearn {
                return nil
            }
        }
        let anchors = try RefusalAnchors(
            for: reference,
            count: options.anchors,
            seed: recipe.seed,
            excluding: Set(examples.map(\.chat.lastUserText))
        )
        let sample = Array(rows.compactMap { $0 }.shuffled(seed: recipe.seed).prefix(64))
        note("gradients of \(rows.count) rows")
        let shape = LoRAConfiguration(r: 8, loraAlpha: 16)
        let attribution = try RowAttribution(
            of: reference,
            at: Adapter(shape, for: reference, seed: recipe.seed),
            anchors: anchors,
            sample: sample,
            tokens: options.tokens
        )
        let products = try attribution.products(of: rows) { done in
            sink.emit(RunEvent(.probes, phase: "explain rows", done: done, total: rows.count))
        }
        reference.network.detach()
        explanation.settings.places = ["the reference (a fresh adapter)"]
        var ranked: [(example: Example, score: Double)] = []
        for (example, products) in zip(examples, products) {
            guard let products else { continue }
            ranked.append((example, PushScore.chosen.score(products, gram: attribution.gram)))
        }
        // Equal scores keep the order of the data.
        let order = ranked.indices.sorted { (-ranked[$0].score, $0) < (-ranked[$1].score, $1) }
        ranked = order.map { ranked[$0] }
        explanation.rows = ranked.enumerated().map { index, entry in
            let isShown = index < options.shown
            return Explanation.Row(
                rank: index + 1,
                file: entry.example.source.file,
                line: entry.example.source.line,
                score: entry.score,
                request: isShown ? String(entry.example.chat.lastUserText.prefix(600)) : nil,
                answer: isShown ? entry.example.chat.messages.last.map { String($0.content.prefix(200)) } : nil
            )
        }
        if rows.count > ranked.count {
            explanation.notes.append("\(rows.count - ranked.count) rows have nothing to learn in them and no score.")
        }
        return ranked
    }
}
