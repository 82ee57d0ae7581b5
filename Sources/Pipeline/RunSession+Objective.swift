import Foundation
import TemperLedger
import TemperModel
import TemperTune

/// The objective of a training by its stage, with what it needs to know of the model before training.
extension RunSession {
    /// What the model before training says of every pair, so that a resumed training need not ask again.
    private struct Reference: Codable {
        var schema = 1
        var fingerprint: String
        /// `ref(chosen) - ref(rejected)` of each pair, in nats.
        var margins: [Double]
    }

    func objective(of job: Job, rows: [TokenizedExample], model: LanguageModel) throws -> Objective {
        switch job.settings.stage {
        case .sft: return TrainingLoss.supervised
        case .dpo:
            let margins = try reference(of: job, rows: rows, model: model)
            let pairs = Dictionary(zip(rows, margins)) { first, _ in first }
            return DirectPreference.objective(beta: job.settings.prefBeta, reference: pairs)
        }
    }

    private func reference(of job: Job, rows: [TokenizedExample], model: LanguageModel) throws -> [Double] {
        let file = job.directory.appendingPathComponent("reference.json")
        if let done = LedgerFile.read(Reference.self, from: file), done.fingerprint == fingerprint,
            done.margins.count == rows.count
        {
            return done.margins
        }
        note(job.phase, "asking the model before training about \(rows.count) pairs")
        let margins = try DirectPreference.reference(
            for: rows,
            model: model,
            batchSize: job.settings.perDeviceTrainBatchSize
        )
        try LedgerFile.write(Reference(fingerprint: fingerprint, margins: margins), to: file)
        return margins
    }
}
