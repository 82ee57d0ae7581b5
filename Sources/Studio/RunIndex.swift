import Foundation
import TemperLedger
import TemperReport
import TemperText

/// One run in the list.
struct RunEntry: Codable, Sendable, Hashable {
    var name: String
    var status: RunStatus
    /// The key numbers; nil until the run has a report.
    var headline: Headline?
}

/// The runs of a directory with their key numbers, fast also for a thousand of them.
///
/// The folders are the truth. What was read of a report is kept in memory and in the file `.studio-index.json` beside
/// the runs, under the size and time of what it was read from; where those differ, or the file is gone or damaged, it
/// is read again. A run's report can be megabytes, the numbers of a thousand runs are read in milliseconds.
final class RunIndex: Sendable {
    /// When and how large a file was: what changes when it is written.
    struct Stamp: Codable, Sendable, Hashable {
        var seconds: Int
        var nanoseconds: Int
        var size: Int
        /// An atomic write makes a new file.
        var number: UInt64

        /// Nil where there is no such file.
        init?(_ url: URL) { self.init(path: url.path) }

        init?(path: String) {
            var information = stat()
            guard stat(path, &information) == 0 else { return nil }
            seconds = information.st_mtim.tv_sec
            nanoseconds = information.st_mtim.tv_nsec
            size = Int(information.st_size)
            number = UInt64(information.st_ino)
        }
    }

    private struct Kept: Codable, Sendable {
        var report: Stamp?
        var headline: Headline?
        var statusStamp: Stamp
        var status: RunStatus
    }

    private struct File: Codable {
        /// What is written now; a file of another number is made anew.
        static let current = 1
        var schema = File.current
        var runs: [String: Kept]
    }

    private struct State {
        var kept: [String: Kept] = [:]
        var isLoaded = false
    }

    let directory: URL
    private let state = Locked(State())

    init(_ directory: URL) {
        self.directory = directory
    }

    static let fileName = ".studio-index.json"
    private var file: URL { directory.appendingPathComponent(Self.fileName) }

    /// The run of that name, if there is one: the only way from an address to a folder.
    func run(named name: String) -> RunDirectory? {
        guard Self.isName(name) else { return nil }
        let run = RunDirectory(directory.appendingPathComponent(name))
        return FileManager.default.fileExists(atPath: run.status.path) ? run : nil
    }

    /// A file's name and no path: what `output_dir` can hold as a run.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255 && name.utf8.first != 0x2E
            && name.utf8.allSatisfy { $0 != 0x2F && $0 != 0x5C && $0 >= 0x20 && $0 != 0x7F }
    }

    /// All runs, the latest first.
    func entries() -> [RunEntry] {
        state.withLock { state in
            if !state.isLoaded {
                if let read = LedgerFile.read(File.self, from: file), read.schema == File.current {
                    state.kept = read.runs
                }
                state.isLoaded = true
            }
            var kept: [String: Kept] = [:]
            kept.reserveCapacity(state.kept.count)
            var hasChanged = false
            let root = directory.path
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
            for name in names where Self.isName(name) {
                // Texts, because a thousand addresses are slow to put together.
                guard let stamp = Stamp(path: "\(root)/\(name)/status.json") else { continue }
                let report = Stamp(path: "\(root)/\(name)/report/report.json")
                // What could not be read is tried again: permissions, or a newer program, may have changed that.
                if let known = state.kept[name], known.statusStamp == stamp, known.report == report,
                    known.status.state != .damaged
                {
                    kept[name] = known
                    continue
                }
                let run = RunDirectory(directory.appendingPathComponent(name))
                guard let status = run.writtenStatus() else { continue }
                let isRead = state.kept[name]?.report == report && report != nil
                let headline = isRead ? state.kept[name]?.headline : report == nil ? nil : Self.headline(of: run)
                kept[name] = Kept(report: report, headline: headline, statusStamp: stamp, status: status)
                hasChanged = hasChanged || status.state != .damaged
            }
            hasChanged = hasChanged || kept.count != state.kept.count
            state.kept = kept
            // Without the file the next start is slower, and nothing else.
            if hasChanged {
                try? LedgerFile.write(File(runs: kept.filter { $0.value.status.state != .damaged }), to: file)
            }
            return kept.map { name, kept in
                var entry = RunEntry(name: name, status: kept.status, headline: kept.headline)
                if entry.status.state == .running {
                    // Whether a process still holds the run is written nowhere.
                    let run = RunDirectory(directory.appendingPathComponent(name))
                    entry.status = run.currentStatus() ?? entry.status
                }
                return entry
            }.sorted { ($0.status.started, $0.name) > ($1.status.started, $1.name) }
        }
    }

    private static func headline(of run: RunDirectory) -> Headline? {
        guard let data = try? Data(contentsOf: run.reportFile),
            let report = try? RunReport(json: data), report.contradiction == nil
        else { return nil }
        return Headline(report)
    }
}
