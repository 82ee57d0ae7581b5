import Foundation
import Logging
import TemperGuard
import TemperRisk
import TemperText

/// The checks of one request: asks the guard that the request began with, and counts and records what it says.
///
/// Knows nothing about the form of requests. A decision that cannot be recorded is no decision: the request ends.
struct Screening: Sendable {
    let version: GuardSource.Version
    let metrics: Metrics
    let audit: AuditLog?
    let request: String
    let windows: StreamGate.Windows

    var shield: Guard { version.shield }
    var message: String { shield.policy.message }

    /// Checks a text as a whole; the placeholders of texts before it go on being used.
    func check(
        _ text: String,
        at stage: Stage,
        in chat: Chat = Chat([]),
        after redaction: Redaction = Redaction()
    ) async throws -> Guard.Decision {
        let start = ContinuousClock.now
        let sources = stage == .output ? chat.toolTexts : []
        let decision = await shield.check(Passage(text, at: stage, in: chat, sources: sources), after: redaction)
        let took = Self.milliseconds(ContinuousClock.now - start)
        for check in decision.checks { count(check) }
        try record(text, at: stage, action: decision.action, checks: decision.checks, milliseconds: took)
        return decision
    }

    /// A gate for an answer that is written piece by piece.
    func gate(for question: Question, in chat: Chat) -> StreamGate {
        StreamGate(shield, in: chat, after: question.redaction, windows: windows)
    }

    /// Counts and records what a gate said of a whole answer.
    func record(_ gate: StreamGate, of text: String) throws {
        for check in gate.checks { count(check) }
        try record(text, at: .output, action: gate.action, checks: gate.checks, milliseconds: gate.milliseconds)
    }

    private func count(_ check: Guard.Check) {
        metrics.observe("temper_rail_milliseconds", check.milliseconds, ["rail": check.rail])
        if check.failure != nil { metrics.count("temper_rail_failures_total", ["rail": check.rail]) }
        if !check.findings.isEmpty {
            metrics.count("temper_rail_findings_total", ["rail": check.rail, "action": check.action.rawValue])
        }
    }

    private func record(
        _ text: String,
        at stage: Stage,
        action: Policy.Action,
        checks: [Guard.Check],
        milliseconds: Double
    ) throws {
        metrics.count("temper_decisions_total", ["stage": stage.rawValue, "action": action.rawValue])
        guard let audit else { return }
        let rails = checks.map { check in
            AuditLog.Record.Rail(
                name: check.rail,
                action: check.action.rawValue,
                labels: Set(check.findings.map(\.label)).sorted(),
                failed: check.failure != nil
            )
        }
        do {
            try audit.write(
                AuditLog.Record(
                    time: Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
                    request: request,
                    stage: stage.rawValue,
                    sha256: SHA256.hex(of: text),
                    decision: action.rawValue,
                    policy: version.name,
                    rails: rails,
                    ms: milliseconds
                )
            )
        } catch {
            throw APIError.closed("A decision could not be recorded, so nothing is passed on.")
        }
    }

    private static func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }
}
