import Foundation
import TemperLedger
import TemperReport

/// The losses of runs as they are written to their logs of events.
///
/// Of each log only what was added since it was last looked at is read, so that a long training costs no more to watch
/// than a short one.
actor RunLosses {
    /// What of a line is needed; times, which are slow to read, are not.
    private struct Line: Decodable {
        var kind: RunEvent.Kind
        var phase: String
        var done: Int?
        var loss: Double?
        var learningRate: Double?
        var gradientNorm: Double?
        var tokensPerSecond: Double?

        enum CodingKeys: String, CodingKey {
            case kind, phase, done, loss
            case learningRate = "learning_rate"
            case gradientNorm = "grad_norm"
            case tokensPerSecond = "tokens_per_second"
        }
    }

    /// A step of a phase.
    private struct Place: Hashable {
        var phase: String
        var step: Int
    }

    private struct Log {
        /// Which file was read: another one under the same name is read anew.
        var number: UInt64
        /// How much of it, in bytes, up to the end of a line.
        var read: UInt64 = 0
        var points: [RunReport.TrainingPoint] = []
        var places: [Place: Int] = [:]
    }

    private var logs: [String: Log] = [:]
    /// The names in the order they were asked for, so that no more than some are kept.
    private var order: [String] = []

    /// All losses that are written so far, by phase and step; of a step that was taken twice, because a run was stopped
    /// after it, the later one.
    func points(of run: RunDirectory) -> [RunReport.TrainingPoint] {
        guard let stamp = RunIndex.Stamp(run.events) else { return [] }
        var log = logs[run.name] ?? Log(number: stamp.number)
        if log.number != stamp.number || stamp.size < log.read { log = Log(number: stamp.number) }
        if stamp.size > log.read { Self.read(run.events, into: &log) }
        logs[run.name] = log
        order.removeAll { $0 == run.name }
        order.append(run.name)
        if order.count > 8 { logs[order.removeFirst()] = nil }
        return log.points
    }

    private static func read(_ file: URL, into log: inout Log) {
        guard let handle = try? FileHandle(forReadingFrom: file) else { return }
        defer { try? handle.close() }
        // A line that is not written to its end waits for the next time.
        guard (try? handle.seek(toOffset: log.read)) != nil, let data = try? handle.readToEnd(),
            let end = data.lastIndex(of: 0x0A)
        else { return }
        log.read += UInt64(end - data.startIndex + 1)
        let decoder = JSONDecoder()
        for text in data[...end].split(separator: 0x0A) {
            guard let line = try? decoder.decode(Line.self, from: text), line.kind == .step, let step = line.done,
                let loss = line.loss
            else { continue }
            let point = RunReport.TrainingPoint(
                phase: line.phase,
                step: step,
                loss: loss,
                learningRate: line.learningRate ?? 0,
                gradientNorm: line.gradientNorm ?? 0,
                tokensPerSecond: line.tokensPerSecond ?? 0
            )
            let place = Place(phase: line.phase, step: step)
            if let known = log.places[place] {
                log.points[known] = point
            } else {
                log.places[place] = log.points.count
                log.points.append(point)
            }
        }
    }
}
