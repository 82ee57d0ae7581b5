import Foundation
import TemperModel
import TemperRisk
import TemperText
import TemperTune
import TemperWeights
import Testing

@testable import TemperPipeline
@testable import temper

/// What the program makes of errors and of its own arguments.
@Suite struct CommandLineTests {
    @Test func errorsEndWithTheCodeOfTheirKind() {
        let mistakes: [any Error] = [
            RecipeError(file: "r", .syntax("s")), DatasetError(file: "d", .empty), RiskError.repeatedSuite("s"),
            ModelError.notFound(path: "m"), TrainingError.nothingToLearn(dataset: "d", reason: "r"),
            WeightsError.truncated(path: "w", reason: "r"), WeightsError.cannotRead(path: "w", reason: "r"),
            TokenizerError.malformed(source: "t", reason: "r"), PipelineError.noAssessment(path: "p"),
            PipelineError.otherRun(path: "p", differences: []), ModelCatalogue.Failure.unknown("m"),
            HubError.badName("n"), HubError.gated(name: "n", page: "p", hasToken: false),
        ]
        for error in mistakes { #expect(ExitStatus.of(error) == 2, "\(error)") }
        let failures: [any Error] = [
            WeightsError.cannotWrite(path: "w", reason: "No space left on device"),
            TrainingError.diverged(step: 1, loss: .nan, norm: 1, rows: []),
            RiskError.wrongCount(what: "a judge", expected: 2, found: 1),
            PipelineError.unreadableReport(path: "p", reason: "r", recipe: "r"),
            ModelCatalogue.Failure.notFetched("f"), CheckpointError.missing(path: "c"),
            CocoaError(.fileWriteOutOfSpace), HubError.unreachable(url: "u", reason: "r"),
            HubError.corrupted(file: "f", reason: "r"),
        ]
        for error in failures { #expect(ExitStatus.of(error) == 4, "\(error)") }
        #expect(ExitStatus.of(PipelineError.interrupted(run: "r")) == 130)
    }

    @Test(arguments: [
        "", "plain/path-1.yaml", "two words", "it's", "*", "a;b", "$HOME", "`ls`", "~", "a\nb", "#", "\"", "é",
    ])
    func quotedWordsComeBackFromTheShell(_ word: String) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "printf %s \(word.quotedForShell)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text == word)
    }

    @Test func plainWordsStayAsTheyAre() {
        #expect("--set".quotedForShell == "--set" && "tune.max_steps=16".quotedForShell == "tune.max_steps=16")
    }
}
