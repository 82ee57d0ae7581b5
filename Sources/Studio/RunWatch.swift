import Foundation
import TemperLedger
import TemperReport

/// What a run's folder holds at one moment, by the times and sizes of its files: cheap to take four times a second.
struct RunMoment: Sendable, Hashable {
    /// The state as the run itself says it, or `stopped`.
    var state: RunStatus.State?
    var status: RunIndex.Stamp?
    var events: RunIndex.Stamp?
    var report: RunIndex.Stamp?
    /// The complete assessments, by subject.
    var assessments: [String: RunIndex.Stamp]

    init(_ run: RunDirectory) {
        status = RunIndex.Stamp(run.status)
        state = run.currentStatus()?.state
        events = RunIndex.Stamp(run.events)
        report = RunIndex.Stamp(run.reportFile)
        assessments = [:]
        for name in Self.subjects(of: run) {
            // Written last: an assessment that has it is complete.
            assessments[name] = RunIndex.Stamp(run.assessment(of: name).appendingPathComponent("metrics.json"))
        }
    }

    static func subjects(of run: RunDirectory) -> [String] {
        let folder = run.url.appendingPathComponent("assessments")
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter(RunIndex.isName)
    }

    /// What the figures are made from.
    var figures: [String] {
        assessments.map { "\($0.key) \($0.value)" }.sorted() + [
            "\(String(describing: report)) \(String(describing: state))"
        ]
    }
}

/// The reports of runs, made anew only when something they are made from has changed.
actor RunReports {
    /// A run's report, and whether the run is complete.
    struct Shown: Sendable {
        var report: RunReport?
        var isFinished: Bool
        /// Why there is none, in words for the page.
        var problem: String?
    }

    private let source: any RunSource
    private var made: [String: (basis: [String], task: Task<Shown, Never>)] = [:]
    /// The names in the order they were asked for, so that no more than some are kept.
    private var order: [String] = []

    init(_ source: any RunSource) {
        self.source = source
    }

    /// The finished report where the run is finished, else what is measured so far.
    func shown(_ run: RunDirectory) async -> Shown {
        let moment = RunMoment(run)
        let basis = moment.figures
        if let known = made[run.name], known.basis == basis { return await known.task.value }
        // A report is written last: where it lies, a status that cannot be read takes nothing from it.
        let isFinished = [.finished, .damaged].contains(moment.state) && moment.report != nil
        let source = source
        let task = Task.detached { () -> Shown in
            do {
                let report = isFinished ? try Self.read(run) : try await source.unfinishedReport(of: run)
                return Shown(report: report, isFinished: isFinished, problem: nil)
            } catch {
                return Shown(report: nil, isFinished: isFinished, problem: "\(error)")
            }
        }
        made[run.name] = (basis, task)
        order.removeAll { $0 == run.name }
        order.append(run.name)
        if order.count > 8 { made[order.removeFirst()] = nil }
        return await task.value
    }

    private static func read(_ run: RunDirectory) throws -> RunReport {
        let report: RunReport
        do {
            report = try RunReport(json: Data(contentsOf: run.reportFile))
        } catch let error as DecodingError {
            throw UnusableReport(reason: "is damaged: \(error.reason)")
        }
        if let reason = report.contradiction { throw UnusableReport(reason: "contradicts itself: \(reason)") }
        return report
    }

    /// A report that cannot be read, or whose numbers cannot all be true.
    private struct UnusableReport: Error, CustomStringConvertible {
        let reason: String

        var description: String {
            "report/report.json \(reason); `temper run` on the run's recipe.yaml makes it again"
        }
    }
}

/// What a run is doing, from the end of its log of events.
struct RunProgress: Sendable {
    /// The latest step, if the run is training.
    var step: RunEvent?
    /// What happened last, the latest first.
    var recent: [RunEvent] = []

    /// Reads the last part of the log; a long one is not read whole.
    init(_ run: RunDirectory, bytes: UInt64 = 1 << 16) {
        guard let handle = try? FileHandle(forReadingFrom: run.events) else { return }
        defer { try? handle.close() }
        let end = (try? handle.seekToEnd()) ?? 0
        let start = end > bytes ? end - bytes : 0
        try? handle.seek(toOffset: start)
        guard let data = try? handle.readToEnd() else { return }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        // The first line may be cut; it is then no JSON.
        let events = data.split(separator: 0x0A).compactMap { try? decoder.decode(RunEvent.self, from: $0) }
        let phases = events.last { $0.kind != .note }
        if phases?.kind == .step || phases?.kind == .checkpoint { step = events.last { $0.kind == .step } }
        recent = events.filter { $0.kind != .step }.suffix(8).reversed()
    }
}
