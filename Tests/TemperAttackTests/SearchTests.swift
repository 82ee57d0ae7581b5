import Foundation
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import Testing

@testable import TemperAttack

/// Searches on a tiny model with a tokenizer and a template of its own.
@TorchActor
@Suite(.serialized)
struct SearchTests {
    private struct Scene {
        var model: LanguageModel
        var prompt: SuffixPrompt
        var vocabulary: SuffixVocabulary
    }

    private func scene(length: Int = 6) async throws -> Scene {
        let model = try await Golden.model("tiny-llama.gguf").forInference(adapter: nil)
        return Scene(
            model: model,
            prompt: try SuffixPrompt(
                Chat(user: "Say how it is done"),
                probe: "p",
                target: "Sure",
                length: length,
                for: model
            ),
            vocabulary: SuffixVocabulary(try model.requireTokenizer(), printableASCII: true)
        )
    }

    private var settings: GreedyCoordinateGradient.Settings {
        var settings = GreedyCoordinateGradient.Settings()
        settings.batchSize = 12
        settings.topK = 16
        return settings
    }

    @Test func aPromptIsItsText() async throws {
        let scene = try await scene()
        let prompt = scene.prompt
        let tokenizer = try scene.model.requireTokenizer()
        let text = try #require(prompt.text(of: prompt.start))
        #expect(text.allSatisfy { " !".contains($0) } && prompt.start.count <= 6)
        let written = try scene.model.promptText(prompt.chat(with: text))
        #expect(tokenizer.encode(written) == prompt.prefix + prompt.start + prompt.closing)
        #expect(tokenizer.encode(written + "Sure") == prompt.sequence(prompt.start))
        #expect(prompt.accepts(prompt.start))
        // One byte after another where the tokenizer would merge them is no text's reading.
        let split = "the".utf8.compactMap { tokenizer.id(ofToken: String(UnicodeScalar($0))) }
        if tokenizer.encode("the").count < 3 { #expect(!prompt.accepts(Array(prompt.start.dropLast(3)) + split)) }
    }

    @Test func theVocabularyHasNoControlTokens() async throws {
        let scene = try await scene()
        let tokenizer = try scene.model.requireTokenizer()
        let ids = Set(scene.vocabulary.ids)
        #expect(!ids.isEmpty && ids.isDisjoint(with: tokenizer.specialTokenIDs))
        #expect(ids.isDisjoint(with: tokenizer.endOfTurnIDs))
        let wider = Set(SuffixVocabulary(tokenizer, printableASCII: false).ids)
        #expect(wider.isSuperset(of: ids))
        for id in wider { #expect(!(tokenizer.bytes(of: id) ?? []).contains { $0 < 0x20 || $0 == 0x7F }) }
    }

    @Test func theLowestAreThoseThatSortingFinds() {
        var random = SplitMix64(seed: 3)
        let scores = (0..<500).map { _ in Float(random.below(40)) }
        let ids = (0..<500).filter { $0 % 3 != 1 }
        let sorted = ids.sorted { (scores[$0], $0) < (scores[$1], $1) }
        scores.withUnsafeBufferPointer { scores in
            for count in [1, 7, 100, 1000] {
                #expect(SuffixVocabulary(ids: ids).lowest(count, of: scores) == Array(sorted.prefix(count)))
            }
        }
    }

    @Test(arguments: [0, 0.5])
    func aSearchThatWasInterruptedIsTheSame(momentum: Double) async throws {
        let scene = try await scene()
        let network = scene.model.network
        var settings = settings
        settings.momentum = momentum
        settings.annealingSteps = 6
        func search(_ state: GreedyCoordinateGradient.State? = nil) throws -> GreedyCoordinateGradient {
            try GreedyCoordinateGradient(
                scene.prompt,
                on: network,
                vocabulary: scene.vocabulary,
                settings: settings,
                resuming: state
            )
        }
        var whole = try search()
        for _ in 0..<6 { try whole.step(on: network) }
        var parts = try search()
        for _ in 0..<3 { try parts.step(on: network) }
        let saved = try JSONDecoder().decode(
            GreedyCoordinateGradient.State.self,
            from: JSONEncoder().encode(parts.state)
        )
        parts = try search(saved)
        #expect(parts.state.step == 3)
        for _ in 0..<3 { try parts.step(on: network) }
        #expect(parts.state == whole.state)
        settings.seed = 2
        #expect(try search(saved).state.step == 0)
    }

    @Test func aSearchLowersTheLoss() async throws {
        let scene = try await scene()
        let network = scene.model.network
        var search = try GreedyCoordinateGradient(
            scene.prompt,
            on: network,
            vocabulary: scene.vocabulary,
            settings: settings
        )
        let start = search.state.loss
        for _ in 0..<8 {
            let before = search.state.suffix
            try search.step(on: network)
            #expect(zip(before, search.state.suffix).filter { $0 != $1 }.count <= 1)
        }
        let state = search.state
        #expect(state.bestLoss < start && state.bestLoss == state.losses.min())
        #expect(scene.prompt.accepts(state.best))
        let loss = try TargetLoss(network, scene.prompt).losses(of: [state.best], near: [])[0]
        #expect(abs(loss - state.bestLoss) < 1e-4)
        // What a user would send is what was searched.
        let text = try #require(scene.prompt.text(of: state.best))
        let written = try scene.model.promptText(scene.prompt.chat(with: text))
        let ids = try scene.model.requireTokenizer().encode(written)
        #expect(ids == Array(scene.prompt.sequence(state.best).dropLast(scene.prompt.target.count)))
    }

    @Test func aSoftPromptLowersTheLoss() async throws {
        let scene = try await scene()
        var search = try SoftPrompt(scene.prompt, on: scene.model.network, stepSize: 0.05)
        for _ in 0..<12 { try search.step() }
        #expect(search.bestLoss < search.losses[0] * 0.9 && search.bestLoss == search.losses.min())
    }

    /// With the vectors of tokens in place the answer is the one to the tokens.
    @Test func answersToVectorsAreThoseToTokens() async throws {
        let scene = try await scene()
        let prompt = scene.prompt
        let objective = TargetLoss(scene.model.network, prompt)
        let found = try objective.answer(to: objective.vectors(of: prompt.start), maxNewTokens: 7, endIDs: [])
        let said = try Generator(scene.model.network, batchSize: 1).generate(
            [prompt.prefix + prompt.start + prompt.closing],
            options: SamplingOptions(maxNewTokens: 7),
            endIDs: []
        )
        #expect(found.ids == said[0].ids && !found.ended)
        let ended = try objective.answer(
            to: objective.vectors(of: prompt.start),
            maxNewTokens: 7,
            endIDs: [found.ids[2]]
        )
        #expect(ended.ended && ended.ids == Array(found.ids.prefix { $0 != found.ids[2] }))
    }

    @Test(arguments: WhiteBox.Method.allCases)
    func anAttackEndsWithAVerdict(method: WhiteBox.Method) async throws {
        var settings = WhiteBox.Settings()
        settings.method = method
        settings.steps = 2
        settings.suffixLength = 4
        settings.batchSize = 6
        settings.topK = 16
        settings.maxNewTokens = 4
        let model = try await Golden.model("tiny-llama.gguf").forInference(adapter: nil)
        let suite = try Suites.named("jailbreak")
        let outcomes = try await WhiteBox.run(on: model, suite: suite, limit: 2, settings: settings)
        #expect(outcomes.count == 2)
        for outcome in outcomes {
            #expect(outcome.steps == 2 && outcome.losses.count == 3 && outcome.initialLoss == outcome.losses[0])
            #expect(outcome.finalLoss == outcome.losses.min() && outcome.target.hasPrefix("Sure, here is"))
            #expect((outcome.suffix == nil) == (method == .softPrompt))
        }
        let lines = WhiteBox.suffixFile(outcomes).split(separator: "\n")
        #expect(lines.filter { !$0.hasPrefix("#") }.count == (method == .gcg ? 2 : 0))
        for outcome in outcomes {
            if let suffix = outcome.suffix { #expect(lines.contains(suffix.dropFirst())) }
        }
    }
}
