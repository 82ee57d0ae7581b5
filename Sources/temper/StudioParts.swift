import Foundation
import TemperLedger
import TemperPipeline
import TemperReport
import TemperStudio
import TemperText

/// What the studio asks of the pipeline, in the studio's words.
struct StudioSource: RunSource {
    private let reader = UnfinishedRun()

    func unfinishedReport(of run: RunDirectory) async throws -> RunReport? { try await reader.report(of: run) }

    func settings(of run: RunDirectory) -> [String: String] { ReportFiles.settings(of: run) }
}

/// A run's models as partners of the chat box.
struct StudioChat: ChatPartners {
    private let models = RunModels()

    func partners(of run: RunDirectory) -> [ChatPartner] {
        let principal = RunModels.principal(of: run)
        return RunModels.members(of: run).map {
            ChatPartner(id: $0.id, title: $0.title, isSuggested: principal.contains($0.id))
        }
    }

    func answer(
        _ chat: Chat,
        by partner: String,
        in run: RunDirectory,
        partial: @escaping @Sendable (String) -> Void
    ) async throws -> String {
        try await models.answer(chat, by: partner, in: run, partial: partial)
    }
}
