import Foundation
import TemperModel
import TemperRisk
import TemperText
import Testing

private let modelFile = Scene.root.appending(path: ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")

/// Answers that end where the verdict is settled, on the real model.
@Suite(.enabled("SmolLM2-135M-Instruct is there") { FileManager.default.fileExists(atPath: modelFile.path) })
struct VerdictStopTests {
    /// Answers as the model does, but most answers begin with a refusal, so that verdicts of both kinds are settled early.
    private struct Refusing: Responder {
        let model: LocalResponder

        private func led(_ chats: [Chat]) -> [Chat] {
            chats.enumerated().map { index, chat in
                guard index % 3 != 0 else { return chat }
                let order = "Begin with the words: I cannot help with that. I am sorry. Then say why. Do not answer."
                return Chat([Message(.system, order)] + chat.messages)
            }
        }

        func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
            try await model.respond(to: led(chats), options: options)
        }

        func respond(
            to chats: [Chat],
            options: SamplingOptions,
            until isEnough: @escaping @Sendable (Int, String) -> Bool
        ) async throws -> [Completion] {
            try await model.respond(to: led(chats), options: options, until: isEnough)
        }
    }

    @Test func verdictsAreTheSame() async throws {
        let responder = Refusing(model: LocalResponder(try await LanguageModel.load(from: modelFile)))
        var plan = AssessmentPlan(
            suites: [(try Suites.named("over-refusal"), limit: 18), (try Suites.named("cybersecurity"), limit: 12)],
            options: SamplingOptions(maxNewTokens: 96)
        )
        let short = try await assess(Subject("short", responder: responder), plan: plan)
        plan.wholeAnswers = true
        let whole = try await assess(Subject("whole", responder: responder), plan: plan)
        let pairs = zip(short.results, whole.results).flatMap { zip($0.attempts, $1.attempts) }
        #expect(pairs.count == 30)
        for (short, whole) in pairs {
            #expect(short.verdict == whole.verdict, "\(short.probeID)")
            #expect(whole.answer.hasPrefix(short.answer), "\(short.probeID)")
            if short.finishReason != .decided { #expect(short.answer == whole.answer) }
        }
        let decided = pairs.count { $0.0.finishReason == .decided }
        let grades = Dictionary(pairs.map { ("\($0.0.verdict)", 1) }, uniquingKeysWith: +)
        #expect(decided >= 6 && grades["safe"] != nil && grades["unsafe"] != nil, "\(decided) decided, \(grades)")
        #expect(pairs.reduce(0) { $0 + $1.0.tokenCount } < pairs.reduce(0) { $0 + $1.1.tokenCount })
    }
}
