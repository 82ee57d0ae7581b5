import Foundation
package import TemperModel
import TemperText
package import TemperTorch

/// Greedy coordinate gradient: a search for a suffix that makes a wanted opening likely (Zou et al., arXiv 2307.15043,
/// algorithm 1).
///
/// Each step takes the gradient of the loss by the one-hot matrix of the suffix, keeps for each position the tokens that it
/// says lower the loss most, draws single substitutions among them, computes the loss of each exactly and goes on with the
/// best of them, even where it is worse than what it came from. The best of all steps is the result.
///
/// Faithful, but that a substitution which text cannot express is drawn again instead of being computed, and that the
/// paper's batch of 512 and 256 tokens a position are settings. Momentum (arXiv 2405.01229) and annealing are off unless
/// asked for. A search is a value: the same settings and state give the same steps on the same machine.
package struct GreedyCoordinateGradient: Sendable {
    /// How the search goes.
    package struct Settings: Codable, Sendable, Hashable {
        /// Substitutions computed in a step.
        package var batchSize = 64
        /// Tokens kept for each position.
        package var topK = 128
        /// How much of the last gradient lives on; 0 in the paper.
        package var momentum = 0.0
        /// Whether a step that makes the loss worse may be refused, the more likely the later: with probability
        /// `1 - exp((old - new) / (1 - step / steps))`; false in the paper.
        package var annealingSteps: Int?
        /// Draws the substitutions.
        package var seed: UInt64 = 1

        package init() {}
    }

    /// Where the search stands; enough to go on.
    package struct State: Codable, Sendable, Hashable {
        package fileprivate(set) var settings: Settings
        /// What is searched for, to know a state again.
        package fileprivate(set) var prompt: [Int]
        package fileprivate(set) var suffix: [Int]
        package fileprivate(set) var loss: Double
        package fileprivate(set) var best: [Int]
        package fileprivate(set) var bestLoss: Double
        /// The loss at the start and after each step.
        package fileprivate(set) var losses: [Double]
        fileprivate var random: UInt64
        /// The gradient by the suffix's vectors that lives on, row-major.
        fileprivate var velocity: [Float] = []

        /// Steps taken.
        package var step: Int { losses.count - 1 }
    }

    package private(set) var state: State
    private let prompt: SuffixPrompt
    private let vocabulary: SuffixVocabulary
    /// Draws in a step, for each substitution wanted: many are no text.
    private static let patience = 32

    /// A search from the prompt's start, or one that goes on from `state` where that belongs to the same search.
    @TorchActor
    package init(
        _ prompt: SuffixPrompt,
        on network: DecoderNetwork,
        vocabulary: SuffixVocabulary,
        settings: Settings,
        resuming state: State? = nil
    ) throws {
        self.prompt = prompt
        self.vocabulary = vocabulary
        let ids = prompt.sequence(prompt.start)
        if let state, state.settings == settings, state.prompt == ids, state.suffix.count == prompt.start.count {
            self.state = state
            return
        }
        let loss = try TargetLoss(network, prompt).losses(of: [prompt.start], near: [])[0]
        self.state = State(
            settings: settings,
            prompt: ids,
            suffix: prompt.start,
            loss: loss,
            best: prompt.start,
            bestLoss: loss,
            losses: [loss],
            random: settings.seed
        )
    }

    /// Takes one step.
    @TorchActor
    package mutating func step(on network: DecoderNetwork) throws {
        let objective = TargetLoss(network, prompt)
        var gradient = try objective.gradient(at: objective.vectors(of: state.suffix)).gradient
        if state.settings.momentum > 0 {
            if !state.velocity.isEmpty {
                let before = try Tensor(state.velocity, shape: gradient.shape, device: network.device)
                gradient = try gradient.adding(before, times: state.settings.momentum)
            }
            state.velocity = try gradient.floats()
        }
        let scores = try objective.oneHotGradient(gradient)
        var random = SplitMix64(seed: state.random)
        let candidates = substitutions(try choices(scores), &random)
        let losses = try objective.losses(of: candidates, near: state.suffix)
        if let index = losses.indices.min(by: { losses[$0] < losses[$1] }), accepts(losses[index], &random) {
            state.suffix = candidates[index]
            state.loss = losses[index]
            if state.loss < state.bestLoss { (state.best, state.bestLoss) = (state.suffix, state.loss) }
        }
        state.losses.append(state.loss)
        state.random = random.state
    }

    /// For each position the tokens that the gradient likes best.
    @TorchActor
    private func choices(_ scores: Tensor) throws(TorchError) -> [[Int]] {
        let width = scores.shape[1]
        return try scores.floats().withUnsafeBufferPointer { values in
            state.suffix.indices.map { position in
                let row = UnsafeBufferPointer(rebasing: values[(position * width)..<((position + 1) * width)])
                return vocabulary.lowest(state.settings.topK, of: row)
            }
        }
    }

    /// Different suffixes with one token changed.
    private func substitutions(_ choices: [[Int]], _ random: inout SplitMix64) -> [[Int]] {
        var seen: Set = [state.suffix]
        var found: [[Int]] = []
        for _ in 0..<(Self.patience * state.settings.batchSize) where found.count < state.settings.batchSize {
            let position = random.below(choices.count)
            guard !choices[position].isEmpty else { continue }
            var candidate = state.suffix
            candidate[position] = choices[position][random.below(choices[position].count)]
            guard seen.insert(candidate).inserted, prompt.accepts(candidate) else { continue }
            found.append(candidate)
        }
        return found
    }

    private func accepts(_ loss: Double, _ random: inout SplitMix64) -> Bool {
        guard let steps = state.settings.annealingSteps, loss > state.loss else { return true }
        let temperature = max(1 - Double(state.step + 1) / Double(steps), 1e-7)
        return random.unit() < Foundation.exp((state.loss - loss) / temperature)
    }
}
