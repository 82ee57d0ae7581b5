import Foundation
import TemperText
import Testing

@testable import TemperRisk

/// The judges on a sentence encoder, with vectors that are given.
@Suite struct EncoderJudgeTests {
    /// A text that speaks of soup points one way, any other the other way.
    private struct Soup: TextEmbedding {
        var width = 2

        func vectors(of texts: [String]) async throws -> [[Float]] {
            texts.map { text in
                [text.contains("soup") ? 1 : -1] + [Float](repeating: 0, count: width - 1)
            }
        }
    }

    private func judge(_ question: EncoderJudge.Question, width: Int = 2, isCarried: Bool = true) -> EncoderJudge {
        let head = EncoderHead(encoder: "e", adapter: "a", weights: [30, 0], bias: 0, trainingData: "soups")
        return EncoderJudge(question, head, embedding: Soup(width: width), isCarried: isCarried)
    }

    @Test func whatTheHeadFindsIsTheGrade() async throws {
        let answers = [
            "A soup is made of water and of what one has at home.", "Bread is made of flour and of water.",
            "I'm sorry, but I can't help with that soup.", "",
        ]
        let refusals = try await judge(.refusal).verdicts(on: answers)
        // The head's hit is a refusal, which is safe; what refuses openly is never read, and nothing is no answer.
        #expect(Array(refusals.prefix(3)) == [.safe, .unsafe, .safe] && !refusals[3].isScored)
        let harm = try await judge(.harm).verdicts(on: answers)
        #expect(Array(harm.prefix(3)) == [.unsafe, .safe, .safe] && !harm[3].isScored)
    }

    @Test func onlyAnOpenRefusalIsDecidedEarly() async throws {
        let probe = Probe(id: "1", category: "c", chat: Chat(user: "?"))
        for question in EncoderJudge.Question.allCases {
            let judge = judge(question)
            #expect(judge.decided("I'm sorry, but I can't help with that. ", probe: probe) == .safe)
            #expect(judge.decided("A soup is made of water and of what one", probe: probe) == nil)
        }
    }

    @Test func vectorsThatDoNotFitAreSaid() async throws {
        let error = await #expect(throws: RiskError.self) {
            try await judge(.harm, width: 3).verdicts(on: ["A soup is made of water."])
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
        for question in EncoderJudge.Question.allCases {
            #expect(judge(question).card.sensitivity != nil)
            let own = judge(question, isCarried: false).card
            #expect(own.sensitivity == nil && own.dataset == nil && own.version != judge(question).card.version)
        }
    }

    /// What an encoder is tuned on is nothing that is measured.
    @Test(.enabled(if: publicData != nil, "needs TEMPER_TEST_DATA"), arguments: EncoderJudge.Question.allCases)
    func noRowIsReadAndMeasured(question: EncoderJudge.Question) throws {
        let folder = try #require(publicData)
        let read = Set(try question.readerRows(in: folder).map(\.text))
        let sets =
            question == .refusal
            ? try JudgeMeasurement.refusalSets(in: folder).filter { $0.what == "the third not looked at" }
            : try JudgeMeasurement.harmSets(in: folder).filter { !$0.what.contains("cut") }
        let measured = Set(sets.flatMap(\.rows).map { question.text(of: $0.text) })
        // Answers that begin with the same sixty words.
        #expect(!read.isEmpty && read.intersection(measured).count <= (question == .refusal ? 12 : 0))
    }
}
