import Foundation
import TemperText
import TemperTorch
import Testing

@testable import TemperModel

/// Answers, likelihoods and draws of the tiny model.
@TorchActor
@Suite(.serialized)
struct ResponderTests {
    private func load() async throws -> LanguageModel {
        try await .load(from: Golden.folder.appending(path: "tiny-llama.gguf"), dtype: .float32)
    }

    // MARK: Requests that cannot be answered

    @Test func templateThatRendersNothing() async throws {
        var copy = try GGUFCopy()
        copy.metadata["tokenizer.chat_template"] = GGUFCopy.text("{% if false %}x{% endif %}")
        try await copy.withFile { url in
            let responder = LocalResponder(try await .load(from: url, dtype: .float32))
            await #expect(throws: ModelError.emptyPrompt(path: url.path)) {
                try await responder.respond(to: [Chat(user: "hi")], options: SamplingOptions(maxNewTokens: 2))
            }
            await #expect(throws: ModelError.emptyPrompt(path: url.path)) {
                try await responder.logLikelihoods(of: [Continuation(of: Chat(user: "hi"), text: "a")])
            }
        }
    }

    @Test(arguments: [513, Int.max])
    func answersBeyondTheContext(tokens: Int) async throws {
        let responder = LocalResponder(try await load())
        await #expect(throws: ModelError.contextLength(tokens: tokens, limit: 512)) {
            try await responder.respond(to: [Chat(user: "hi")], options: SamplingOptions(maxNewTokens: tokens))
        }
    }

    // MARK: Likelihoods

    @Test func likelihoodsAreSumsOfLogSoftmax() async throws {
        let model = try await load()
        let tokenizer = try #require(model.tokenizer)
        let chat = Chat(user: "Is 7 a prime?")
        let prompt = try model.promptText(chat)
        let texts = ["yes", "the answers to the questions", "no<|im_end|>", ""]
        var expected: [Double] = []
        for text in texts {
            let ids = tokenizer.encode(prompt + text)
            let start = tokenizer.encode(prompt).count
            #expect(ids.starts(with: tokenizer.encode(prompt)))
            let logits = try withoutGradients {
                try model.network.logits(model.network.hiddenStates(PackedBatch([ids], device: .cpu))).floats().map(
                    Double.init
                )
            }
            let width = model.configuration.vocabularySize
            expected.append(
                (start..<ids.count).reduce(0) { sum, position in
                    let row = logits[((position - 1) * width)..<(position * width)]
                    let highest = row.max() ?? 0
                    let logSum = highest + log(row.reduce(0) { $0 + exp($1 - highest) })
                    return sum + row[row.startIndex + ids[position]] - logSum
                }
            )
        }
        #expect(expected[3] == 0 && expected[0] < -1)
        for batchSize in [1, 3] {
            let found = try await LocalResponder(model, batchSize: batchSize)
                .logLikelihoods(of: texts.map { Continuation(of: chat, text: $0) })
            for (value, reference) in zip(found, expected) { #expect(abs(value - reference) < 1e-3) }
        }
    }

    /// Candidates of one question are read together, others with whatever is left; each value comes back to its place.
    @Test func likelihoodsComeInTheOrderOfTheCandidates() async throws {
        let responder = LocalResponder(try await load())
        let (prime, sum) = (
            Chat(user: "Is 7 a prime?"), Chat([Message(.system, "Be brief."), Message(.user, "3 + 4?")])
        )
        let candidates = [
            Continuation(of: sum, text: "7"), Continuation(of: prime, text: "yes"), Continuation(of: prime, text: ""),
            Continuation(of: prime, text: "no, it is not"), Continuation(of: sum, text: ""),
            Continuation(of: prime, text: "yes"), Continuation(of: sum, text: "eight"),
            Continuation(of: sum, text: "7"),
        ]
        let found = try await responder.logLikelihoods(of: candidates)
        #expect(found.count == candidates.count)
        for (candidate, value) in zip(candidates, found) {
            #expect(abs(try await responder.logLikelihoods(of: [candidate])[0] - value) < 1e-3)
        }
        #expect(found[2] == 0 && found[4] == 0 && found[0] != found[6])
        #expect(try await responder.logLikelihoods(of: []).isEmpty)
    }

    @Test func candidatesBeyondTheContext() async throws {
        let responder = LocalResponder(try await load())
        let long = Continuation(of: Chat(user: "hi"), text: String(repeating: "z", count: 600))
        await #expect {
            try await responder.logLikelihoods(of: [long])
        } throws: { error in
            guard case .contextLength(let tokens, 512)? = error as? ModelError else { return false }
            return tokens > 600
        }
    }

    // MARK: Draws

    private func draws(seed: UInt64, index: Int) -> [Int] {
        var sampler = Sampler(SamplingOptions(temperature: 1, seed: seed), index: index)
        let flat = [Float](repeating: 0, count: 4096)
        return (0..<64).map { _ in sampler.draw(from: flat) }
    }

    /// Neither neighbouring answers nor neighbouring seeds see the same numbers, shifted or not.
    @Test func streamsAreIndependent() {
        let streams = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (0x9E37_79B9_7F4A_7C15, 0)].map {
            draws(seed: $0.0, index: $0.1)
        }
        for (first, one) in streams.enumerated() {
            for other in streams[(first + 1)...] {
                for shift in -8...8 {
                    let same = one.indices.count { other.indices.contains($0 + shift) && one[$0] == other[$0 + shift] }
                    #expect(same < 4)
                }
            }
        }
        #expect(draws(seed: 0, index: 1) == streams[1])
    }

    /// Filters give what a sorted vocabulary would.
    @Test func filtersEqualSorting() throws {
        let logits = (0..<500).map { Float(($0 * 7919) % 101) / 10 }
        let order = logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
        let top = Sampler.distribution(logits, SamplingOptions(temperature: 0.7, topK: 40))
        #expect(top.map(\.id) == Array(order.prefix(40)))
        let nucleus = Sampler.distribution(logits, SamplingOptions(temperature: 0.7, topP: 0.6))
        #expect(nucleus.map(\.id) == Array(order.prefix(nucleus.count)) && nucleus.count < 500)
        let all = Sampler.distribution(logits, SamplingOptions(temperature: 0.7))
        #expect(all.map(\.id) == Array(logits.indices))
        for found in [top, nucleus, all] {
            #expect(abs(found.reduce(0) { $0 + $1.probability } - 1) < 1e-12)
        }
        let full = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0.probability) })
        #expect(nucleus.dropLast().reduce(0) { $0 + (full[$1.id] ?? 0) } < 0.6)
        #expect(nucleus.reduce(0) { $0 + (full[$1.id] ?? 0) } >= 0.6)
    }
}
