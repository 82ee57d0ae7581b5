import Foundation

/// What a run will take: time and memory of each of its phases.
public struct RunEstimate: Codable, Sendable, Hashable {
    /// One phase of the run.
    public struct Phase: Codable, Sendable, Hashable {
        /// Its name in the run's events.
        public var name: String
        /// What is done in it, such as `64 steps, 30210 tokens`.
        public var work: String
        /// Wall-clock seconds.
        public var seconds: Double
        /// The most resident memory in it, in bytes.
        public var peakMemory: Int

        enum CodingKeys: String, CodingKey {
            case name, work, seconds
            case peakMemory = "peak_memory"
        }
    }

    /// Version of the layout.
    public var schema = 1
    /// The phases, in the order of the run.
    public var phases: [Phase] = []
    /// What was measured to know it, in words.
    public var measured: [String] = []

    /// Wall-clock seconds of the whole run.
    public var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }
    /// The most resident memory, in bytes.
    public var peakMemory: Int { phases.map(\.peakMemory).max() ?? 0 }

    /// A table for the terminal.
    public var table: String {
        let rows = phases + [Phase(name: "all", work: "", seconds: seconds, peakMemory: peakMemory)]
        let cells = rows.map { row in
            [row.name, row.work, Self.time(row.seconds), "\(row.peakMemory >> 20) MiB"]
        }
        let all = [["phase", "work", "time", "peak memory"]] + cells
        let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        let lines = all.map { row in
            row.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return column < 2 ? text + space : space + text
            }.joined(separator: "  ")
        }
        return (lines + [""] + measured.map { "measured: \($0)" }).joined(separator: "\n")
    }

    private static func time(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
    }
}
