import ArgumentParser
import Foundation
import TemperAlign
import TemperGuard
import TemperModel
import TemperPipeline
import TemperReport
import TemperRisk
import TemperServer
import TemperText
import TemperTune
import TemperWeights

/// The exit codes of the program, and which one an error ends it with.
enum ExitStatus {
    /// The request cannot be carried out as it stands; the user can mend it.
    static let usage: Int32 = 2
    /// Nothing was graded, a control failed, or a report contradicts itself, so that nothing can be concluded.
    static let noEvidence: Int32 = 3
    /// Something failed on the way.
    static let failure: Int32 = 4
    /// Stopped on request, after a checkpoint was written.
    static let interrupted: Int32 = 130

    /// Ends the program without the destructors of libtorch's globals, which take a third of the time of a short command;
    /// and so without what a build for coverage or with a sanitizer writes at its exit.
    static func leave(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    /// The code for an error.
    static func of(_ error: any Error) -> Int32 {
        switch error {
        case PipelineError.interrupted: interrupted
        case PipelineError.contradictoryReport: noEvidence
        case let error as HubError: error.isFailure ? failure : usage
        case let error as SuiteFetchError: error.isFailure ? failure : usage
        case let error as EndpointError: error.isFailure ? failure : usage
        case WeightsError.cannotWrite, TrainingError.diverged, RiskError.wrongCount, RiskError.unwritable,
            PipelineError.unreadableReport,
            ModelCatalogue.Failure.notFetched:
            failure
        case let error as ServerError: if case .audit = error { failure } else { usage }
        case is GateError, is GuardError, is RecipeError, is DefenceError, is AttackError, is DatasetError,
            is TrainingError,
            is TrainingSettings.Invalid, is RiskError, is ModelError, is WeightsError, is TokenizerError,
            is PipelineError, is ModelCatalogue.Failure:
            usage
        default: Temper.exitCode(for: error) == .validationFailure ? usage : failure
        }
    }
}
