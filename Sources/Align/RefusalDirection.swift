import Foundation
package import TemperModel
import TemperText
import TemperTorch
import TemperTune

/// The direction in a model's residual stream along which it refuses, and a copy of the model that has lost it.
///
/// Arditi et al., "Refusal in Language Models Is Mediated by a Single Direction" (arXiv 2406.11717): the difference of
/// the mean states at the last token of the prompt between harmful and harmless requests (section 2.3), taken out of
/// every matrix that writes to the stream (section 2.4, weight orthogonalisation). The copy answers what the model
/// refuses, and serves as a control: a measurement that does not find it worse than the model measures nothing. It
/// lives in memory only; nothing here can write it to a file.
///
/// Variant: the position is the prompt's last token, where the paper looks at several. `mostEffective` chooses the layer as
/// the paper does, by what its removal does to refusals, from harmful and ordinary requests; what sets such requests
/// furthest apart is often their subject, not the refusal. The initialiser, for those who look at a direction and take
/// nothing out, is given its requests, and takes the layer where, along the direction made from one half of them, the
/// other half lies furthest apart in units of its spread. As in the paper, the last fifth of the layers is left out. The
/// requests are those of the embedded alignment data, which is disjoint from every suite. Knows nothing about how
/// refusals are measured.
package struct RefusalDirection: Sendable {
    /// The direction, [d] and of length 1.
    package let vector: [Float]
    /// The layer behind which it was found, from 0.
    package let layer: Int
    /// How far apart held-out requests lie along it, in units of their spread.
    package let separation: Double

    /// Finds the direction without which the model is least likely to begin refusals, among those that leave the beginnings
    /// of ordinary answers about as likely as they were.
    ///
    /// - Parameters:
    ///   - model: Any model; what is on it counts.
    ///   - count: Harmful requests, and as many ordinary ones, to make directions from; some more are kept to choose by.
    ///   - seed: Draws them.
    @TorchActor
    package static func mostEffective(
        in model: LanguageModel,
        count: Int = 64,
        seed: UInt64
    ) async throws -> RefusalDirection {
        let judged = 16
        func draw(_ set: AlignmentData) throws -> (shown: [Chat], begun: [Continuation]) {
            let rows = try AlignmentData.draw(count + judged, from: [set], seed: seed)
            let begun = rows.suffix(judged).compactMap { row in
                row.chat.messages.last.flatMap { Opening.of($0.content) }.map { opening in
                    Continuation(of: Chat(user: row.chat.lastUserText), text: opening)
                }
            }
            return (rows.prefix(count).map { Chat(user: $0.chat.lastUserText) }, begun)
        }
        let (harmful, ordinary) = (try draw(.refusals), try draw(.ordinary))
        func likelihoods(_ copy: LanguageModel) async throws -> (refusing: Double, answering: Double) {
            let values = try await LocalResponder(copy).logLikelihoods(of: harmful.begun + ordinary.begun)
            func mean(_ values: ArraySlice<Double>) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
            return (mean(values.prefix(harmful.begun.count)), mean(values.dropFirst(harmful.begun.count)))
        }
        let untouched = try model.merged()
        let harmfulStates = try states(of: harmful.shown, in: untouched).streams
        let ordinaryStates = try states(of: ordinary.shown, in: untouched).streams
        let plain = try await likelihoods(untouched)
        let depth = harmfulStates.count
        var candidates: [(direction: RefusalDirection, likelihoods: (refusing: Double, answering: Double))] = []
        for layer in stride(from: depth / 4, to: max(depth / 4 + 1, depth * 4 / 5), by: max(1, depth / 12)) {
            let (vector, separation) = direction(harmfulStates[layer], ordinaryStates[layer])
            let candidate = RefusalDirection(vector: vector, layer: layer, separation: separation)
            candidates.append((candidate, try await likelihoods(try candidate.removed(from: model))))
        }
        let whole = candidates.filter { $0.likelihoods.answering > plain.answering - mostLoss }
        guard let best = whole.min(by: { $0.likelihoods.refusing < $1.likelihoods.refusing }) ?? candidates.first else {
            preconditionFailure("a model has layers")
        }
        return best.direction
    }

    /// What the beginnings of ordinary answers may lose of their log-probability: a copy that loses more has lost its words.
    private static let mostLoss = 2.0

    private init(vector: [Float], layer: Int, separation: Double) {
        self.vector = vector
        self.layer = layer
        self.separation = separation
    }

    /// Finds a direction from where a model puts requests.
    init(_ streams: Streams) {
        let (harmful, harmless) = (streams.harmful, streams.harmless)
        let candidates = (0..<max(1, harmful.count * 4 / 5)).map { Self.direction(harmful[$0], harmless[$0]) }
        guard let best = candidates.indices.max(by: { candidates[$0].separation < candidates[$1].separation }) else {
            preconditionFailure("a model has layers")
        }
        (vector, separation) = candidates[best]
        layer = best
    }

    /// Requests to look at, as many harmful as harmless.
    struct Prompts {
        let harmful: [Chat]
        let harmless: [Chat]

        init(count: Int, seed: UInt64) throws {
            func requests(_ set: AlignmentData) throws -> [Chat] {
                try AlignmentData.draw(count, from: [set], seed: seed).map { Chat(user: $0.chat.lastUserText) }
            }
            harmful = try requests(.refusals)
            harmless = try requests(.twins)
        }
    }

    /// The residual stream at the requests' last token, [layer][request][d].
    struct Streams {
        let harmful: [[[Float]]]
        let harmless: [[[Float]]]

        /// What a copy for inference makes of requests.
        @TorchActor
        init(of prompts: Prompts, in copy: LanguageModel) throws {
            harmful = try RefusalDirection.states(of: prompts.harmful, in: copy).streams
            harmless = try RefusalDirection.states(of: prompts.harmless, in: copy).streams
        }
    }

    /// The direction of one layer from every second state, and how far it keeps the others apart.
    static func direction(_ harmful: [[Float]], _ harmless: [[Float]]) -> (vector: [Float], separation: Double) {
        func half(_ states: [[Float]], _ rest: Int) -> [[Float]] {
            states.indices.filter { $0 % 2 == rest }.map { states[$0] }
        }
        let difference = zip(mean(half(harmful, 0)), mean(half(harmless, 0))).map { $0 - $1 }
        let length = difference.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length > 0 else { return (difference.map { Float($0) }, 0) }
        let vector = difference.map { Float($0 / length) }
        return (vector, separation(harmful, harmless, along: vector))
    }

    /// How far apart a direction keeps every other state, those that `direction` leaves aside, in units of their
    /// spread.
    static func separation(_ harmful: [[Float]], _ harmless: [[Float]], along vector: [Float]) -> Double {
        func places(_ states: [[Float]]) -> [Double] {
            states.indices.filter { $0 % 2 == 1 }.map { index in
                zip(states[index], vector).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            }
        }
        let (first, second) = (places(harmful), places(harmless))
        func centre(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        func spread(_ values: [Double]) -> Double {
            centre(values.map { ($0 - centre(values)) * ($0 - centre(values)) })
        }
        let pooled = ((spread(first) + spread(second)) / 2).squareRoot()
        return pooled > 0 ? (centre(first) - centre(second)) / pooled : 0
    }

    static func mean(_ states: [[Float]]) -> [Double] {
        guard let first = states.first else { return [] }
        var sum = [Double](repeating: 0, count: first.count)
        for state in states { for index in sum.indices { sum[index] += Double(state[index]) } }
        return sum.map { $0 / Double(states.count) }
    }

    /// What a copy for inference holds at each prompt's last token: the residual stream, by layer and prompt, and what
    /// one of its linear layers reads, by prompt.
    @TorchActor
    static func states(
        of chats: [Chat],
        in model: LanguageModel,
        inputsOf linear: Linear? = nil
    ) throws -> (streams: [[[Float]]], inputs: [[Float]]) {
        let tokenizer = try model.requireTokenizer()
        var layers: [[[Float]]] = []
        var inputs: [[Float]] = []
        defer { linear?.observe = nil }
        for start in stride(from: 0, to: chats.count, by: 16) {
            let prompts = try chats[start..<min(start + 16, chats.count)].map {
                Array(tokenizer.encode(try model.promptText($0)).suffix(model.configuration.contextLength))
            }
            let streams = try withoutGradients { () throws(TorchError) in
                let batch = try PackedBatch(prompts, device: model.device)
                let rows = prompts.indices.map { batch.row(of: prompts[$0].count - 1, in: $0) }
                linear?.observe = { x throws(TorchError) in
                    let values = try x.selected(0, Tensor(rows, device: x.device)).floats()
                    inputs += Self.rows(values, count: rows.count)
                }
                var streams: [[Float]] = []
                for stream in try model.network.residuals(batch, rows: rows) { streams.append(try stream.floats()) }
                return streams
            }
            if layers.isEmpty { layers = streams.map { _ in [] } }
            for (layer, values) in streams.enumerated() { layers[layer] += rows(values, count: prompts.count) }
        }
        return (layers, inputs)
    }

    private static func rows(_ values: [Float], count: Int) -> [[Float]] {
        let width = values.count / count
        return (0..<count).map { Array(values[($0 * width)..<(($0 + 1) * width)]) }
    }

    /// A copy of the model that cannot write along the direction; to be looked at, never to be saved.
    @TorchActor
    package func removed(from model: LanguageModel) throws -> LanguageModel { try model.merged(without: vector) }
}
