import Foundation
import TemperText

@testable import TemperGuard

/// The folder of public data; nil where tests that need it are skipped.
let publicData = ProcessInfo.processInfo.environment["TEMPER_TEST_DATA"].map { URL(fileURLWithPath: $0) }

extension Rail {
    /// What counts at the rail's own threshold.
    func found(_ text: String, at stage: Stage = .input, in chat: Chat = Chat([]), sources: [String] = []) async throws
        -> [Finding]
    {
        let least = card.threshold
        return try await findings(in: Passage(text, at: stage, in: chat, sources: sources)).filter { $0.score >= least }
    }

    /// The labels of what counts.
    func labels(_ text: String, at stage: Stage = .input) async throws -> [String] {
        try await found(text, at: stage).map(\.label)
    }
}
