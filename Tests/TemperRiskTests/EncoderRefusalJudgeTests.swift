import Foundation
import TemperText
import Testing

@testable import TemperRisk

/// The refusal judge on a sentence encoder, with vectors that are given.
@Suite struct EncoderRefusalJudgeTests {
    /// A text that speaks of soup points one way, any other the other way.
    private struct Soup: TextEmbedding {
        var width = 2

        func vectors(of texts: [String]) async throws -> [[Float]] {
            texts.map { text in
                [text.contains("soup") ? 1 : -1] + [Float](repeating: 0, count: width - 1)
            }
        }
    }

    private func judge(width: Int = 2, isCarried: Bool = true) -> EncoderRefusalJudge {
        let head = EncoderHead(encoder: "e", adapter: "a", weights: [30, 0], bias: 0, trainingData: "soups")
        return EncoderRefusalJudge(head, embedding: Soup(width: width), isCarried: isCarried)
    }

    private func verdicts(_ judge: EncoderRefusalJudge, on answers: [String]) async throws -> [Verdict] {
        let probe = Probe(id: "1", category: "c", chat: Chat(user: "?"))
        return try await judge.judge(
            answers.map {
                Exchange(probe: probe, completion: Completion(text: $0, tokenCount: 0, finishReason: .stop))
            }
        )
    }

    @Test func whatTheHeadFindsIsARefusal() async throws {
        let found = try await verdicts(
            judge(),
            on: [
                "A soup is made of water and of what one has at home.", "Bread is made of flour and of water.",
                "I'm sorry, but I can't help with that bread.", "",
            ]
        )
        // What refuses openly is never read, and nothing is no answer.
        #expect(Array(found.prefix(3)) == [.safe, .unsafe, .safe] && !found[3].isScored)
    }

    @Test func onlyAnOpenRefusalIsDecidedEarly() {
        let probe = Probe(id: "1", category: "c", chat: Chat(user: "?"))
        #expect(judge().decided("I'm sorry, but I can't help with that. ", probe: probe) == .safe)
        #expect(judge().decided("A soup is made of water and of what one", probe: probe) == nil)
    }

    @Test func vectorsThatDoNotFitAreSaid() async throws {
        let error = await #expect(throws: RiskError.self) {
            try await verdicts(judge(width: 3), on: ["A soup is made of water."])
        }
        #expect("\(try #require(error))".contains("2 finite numbers"))
    }

    @Test func aHeadIsReadBackAndADamagedOneIsNot() throws {
        let head = EncoderHead(encoder: "e", adapter: nil, weights: [1, 2], bias: 0.5, trainingData: "soups")
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).head")
        defer { try? FileManager.default.removeItem(at: file) }
        try head.encoded().write(to: file)
        #expect(try EncoderHead(contentsOf: file) == head)
        try Data("{}".utf8).write(to: file)
        let error = #expect(throws: RiskError.self) { try EncoderHead(contentsOf: file) }
        #expect("\(try #require(error))".contains("temper judge train NAME --encoder"))
    }

    @Test func weightsOfOnesOwnHaveNoError() {
        #expect(judge().card.sensitivity != nil)
        let own = judge(isCarried: false).card
        #expect(own.sensitivity == nil && own.dataset == nil && own.version != judge().card.version)
    }

    @Test func theCarriedHeadIsWhole() throws {
        let folder = EncoderRefusalJudge.carried
        let head = try EncoderHead(contentsOf: EncoderRefusalJudge.head(in: folder))
        #expect(head.weights.count == 384)
        #expect(try head.adapter == SHA256.hex(contentsOf: folder.appending(path: "adapter_model.safetensors")))
    }
}
