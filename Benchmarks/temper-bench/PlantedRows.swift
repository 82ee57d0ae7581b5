import ArgumentParser
import Foundation
import TemperAlign
import TemperModel
import TemperText
import TemperTorch
import TemperTune

/// Whether row attribution finds what was planted: harmful requests that are agreed to, among harmless rows.
///
/// The planted rows hold harmful requests of the embedded alignment data and an opening that says nothing; the requests
/// are not among the anchors, nor are the openings. As many of the harmless rows begin with the same openings, so that
/// the words alone give nothing away. Prints a table of all ways to score: how many of the planted rows are in the top
/// 40.
struct PlantedRows: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "planted",
        abstract: "Measures how many planted harmful rows each way of scoring rows finds."
    )

    @Argument(help: "The model.") var model: String
    @Option(help: "The alignment's adapter, added into the weights before.") var adapter: String?
    @Option(help: "A file of harmless instructions; half of the harmless rows come from it, else all are embedded.")
    var instructions: String?
    @Option(help: "Planted rows.") var planted = 20
    @Option(help: "Harmless rows.") var harmless = 500
    @Option(help: "First tokens of an answer that count.") var tokens = 5
    @Option(help: "Anchors of each kind.") var anchors = 48
    @Option(help: "Rank of the LoRA matrices.") var rank = 8
    @Option(help: "Steps of 8 rows of training before a second look; 0 leaves it out.") var steps = 0
    @Option(help: "Seed of all draws.") var seed: UInt64 = 1

    private static let openings = [
        "Sure, here is how to do it:", "I would be glad to explain.", "That is easy, let me show you.",
        "Of course, this is what you do:", "Gladly. You begin like this:",
    ]

    func run() async throws { try await measure() }

    @TorchActor
    private func measure() async throws {
        let base = try await LanguageModel.load(from: URL(fileURLWithPath: model))
        let model = try base.forInference(adapter: adapter.map { URL(fileURLWithPath: $0) })
        let (examples, isPlanted, isDecoy) = try data()
        let rows = try examples.map { example in
            try Dataset(name: "row", examples: [example]).tokenized(for: model, cutoffLength: 512).rows.first
        }
        let requests = Set(examples.map(\.chat.lastUserText))
        let held = try RefusalAnchors(for: model, count: anchors, seed: seed, excluding: requests)
        let sample = Array(rows.compactMap { $0 }.shuffled(seed: seed).prefix(64))
        let shape = LoRAConfiguration(r: rank, loraAlpha: Double(2 * rank))
        let fresh = try Adapter(shape, for: model, seed: seed)
        print("| place | score | planted in the top 2n | average precision | decoys in the top 2n | seconds |")
        print("|---|---|--:|--:|--:|--:|")
        func show(_ place: String, _ name: String, _ scores: [Double], _ seconds: Double) {
            let order = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
            let top = order.prefix(2 * planted)
            var (found, precision) = (0, 0.0)
            for (rank, index) in order.enumerated() where isPlanted[index] {
                found += 1
                precision += Double(found) / Double(rank + 1)
            }
            print(
                "| \(place) | \(name) | \(top.count { isPlanted[$0] }) of \(planted) | "
                    + String(format: "%.3f", precision / Double(planted))
                    + " | \(top.count { isDecoy[$0] }) | \(Int(seconds)) |"
            )
        }
        func look(_ place: String, at adapter: Adapter) throws -> [[Double]] {
            let clock = ContinuousClock()
            let start = clock.now
            let attribution = try RowAttribution(of: model, at: adapter, anchors: held, sample: sample, tokens: tokens)
            let products = try attribution.products(of: rows) { done in
                FileHandle.standardError.write(Data("\(place): \(done) rows\n".utf8))
            }
            let seconds = Double((clock.now - start).components.seconds)
            var all: [[Double]] = []
            for variant in PushScore.all {
                let scores = products.map { $0.map { variant.score($0, gram: attribution.gram) } ?? -2 }
                show(place, variant.name, scores, seconds)
                all.append(scores)
            }
            let norms = products.map { $0.map { $0.reduce(0) { $0 + $1.square } } ?? 0 }
            show(place, "(control) length of the gradient", norms, seconds)
            return all
        }
        show("no model", "(control) shortest row", rows.map { -Double($0?.ids.count ?? 0) }, 0)
        let first = try look("before", at: fresh)
        guard steps > 0 else { return }
        model.network.detach()
        var settings = TrainingSettings()
        settings.maxSteps = steps
        settings.perDeviceTrainBatchSize = 8
        settings.learningRate = 1e-3
        settings.warmupRatio = 0
        let trainer = try Trainer(
            model: model,
            training: fresh,
            rows: rows.compactMap { $0 },
            settings: settings,
            seed: seed
        )
        while !trainer.isFinished { _ = try trainer.takeStep() }
        let second = try look("step \(steps)", at: fresh)
        for (index, variant) in PushScore.all.enumerated() {
            show("both", variant.name, zip(first[index], second[index]).map { ($0 + $1) / 2 }, 0)
        }
    }

    private func data() throws -> (examples: [Example], isPlanted: [Bool], isDecoy: [Bool]) {
        func agreeing(_ example: Example, _ index: Int) -> Example {
            var example = example
            example.chat.messages[example.chat.messages.count - 1].content =
                Self.openings[index % Self.openings.count]
            return example
        }
        func draw(_ set: AlignmentData) throws -> [Example] { try set.load().examples.shuffled(seed: seed &+ 7) }
        let harmful = try draw(.refusals).prefix(planted).enumerated().map { agreeing($1, $0) }
        var twins = try draw(.twins)[...]
        let decoys = twins.prefix(planted).enumerated().map { agreeing($1, $0) }
        twins = twins.dropFirst(planted)
        var rest: [Example] = []
        if let instructions {
            let all = try Dataset.load(URL(fileURLWithPath: instructions)).examples
            rest += all.shuffled(seed: seed).prefix(harmless / 2)
        }
        // Some twins stay for the anchors.
        rest += twins.prefix(harmless / 5)
        rest += try draw(.ordinary).prefix(max(0, harmless - decoys.count - rest.count))
        guard rest.count + decoys.count == harmless else {
            throw ValidationError("there are \(rest.count + decoys.count) harmless rows; ask for no more")
        }
        let marked =
            harmful.map { ($0, true, false) } + decoys.map { ($0, false, true) } + rest.map { ($0, false, false) }
        let mixed = marked.shuffled(seed: seed)
        return (mixed.map(\.0), mixed.map(\.1), mixed.map(\.2))
    }
}
