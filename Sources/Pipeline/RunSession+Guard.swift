import Foundation
import TemperGuard
import TemperLedger
import TemperModel
import TemperRisk
import TemperTorch

/// The tuned model behind the recipe's guard, and the guard by itself.
extension RunSession {
    private struct Record: Codable {
        var schema = 1
        var fingerprint: String
        var study: GuardStudy
    }

    /// What a run's folder says of its guard; nil where it was not studied, or for another run.
    nonisolated static func guardStudy(in directory: RunDirectory, fingerprint: String) -> GuardStudy? {
        LedgerFile.read(Record.self, from: directory.guardStudy).flatMap {
            $0.fingerprint == fingerprint ? $0.study : nil
        }
    }

    /// Assesses `model` behind a guard; what it answered alone is not asked again.
    ///
    /// - Parameter alone: The assessment of the model without the guard.
    func assess(
        _ model: LanguageModel,
        behind shield: Guard,
        alone: Assessment
    ) async throws -> (result: (assessment: Assessment, seconds: Double), study: GuardStudy) {
        try LedgerFile.write(text: PolicyFile.yaml(shield.policy), to: directory.guardPolicy)
        let result = try await assess(Story.guardedName, behind: (shield, alone)) { model }
        if let done = Self.guardStudy(in: directory, fingerprint: fingerprint) { return (result, done) }
        let study = try await GuardStudy(
            of: shield,
            on: planned.map(\.suite),
            alone: alone,
            guarded: result.assessment
        )
        try LedgerFile.write(Record(fingerprint: fingerprint, study: study), to: directory.guardStudy)
        return (result, study)
    }
}
