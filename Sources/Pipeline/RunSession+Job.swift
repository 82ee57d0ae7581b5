import Foundation
import TemperModel
import TemperTorch
import TemperTune

/// What a training of a run is: what it trains, where it stops on the way, and how it may go on from there.
extension RunSession {
    /// One training of the run.
    struct Job {
        /// Its name in events and in the log of losses.
        var phase: String
        /// Where its checkpoints go.
        var directory: URL
        var data: Dataset
        var settings: TrainingSettings
        /// Where checkpoints are written and `atCheckpoint` is called; the last step always is one.
        var checkpointSteps: (_ total: Int) -> [Int]
        /// What to start from; a fresh adapter or the model's own weights otherwise.
        var start: (any Trainable)?
        /// What to minimise, and how; the objective of the settings' stage otherwise.
        var scheme: TrainingScheme?
        /// Whether there is a checkpoint of step 0, too, for a training that may have to go back to it.
        var keepsStart = false
    }

    /// A checkpoint that training has come to.
    struct Stop {
        var step: Int
        /// All steps of the training.
        var total: Int
        var isLast: Bool { step == total }
        /// Puts what the checkpoint holds on the model; a resumed training has not come by this step itself.
        var restore: @TorchActor () throws -> Void = {}
    }

    /// How a training goes on after a checkpoint.
    enum Course {
        /// To the next one.
        case goOn
        /// Not at all: what the checkpoint holds is the result.
        case stop
        /// From an earlier checkpoint; those after it are thrown away.
        case goBack(to: Int)
        /// Not at all: what an earlier checkpoint holds is the result; those after it are thrown away.
        case end(at: Int)
    }

    /// What a training has made, and out of how much.
    struct Trained {
        var result: any Trainable
        /// Rows with something to learn in them.
        var rows: Int
        /// Steps of the whole training, also where it was ended before the last.
        var steps: Int
        /// Steps that were taken for the result.
        var taken: Int
    }
}
