public import Foundation
import TemperWeights

/// The paths of a run directory: the one place that knows its layout.
public struct RunDirectory: Sendable, Hashable {
    /// The directory.
    public let url: URL

    /// A run directory, there or not.
    public init(_ url: URL) {
        self.url = url
    }

    /// The run's name.
    public var name: String { url.lastPathComponent }
    /// The resolved recipe.
    public var recipe: URL { url.appendingPathComponent("recipe.yaml") }
    /// What it ran on.
    public var environment: URL { url.appendingPathComponent("environment.json") }
    /// Where it stands.
    public var status: URL { url.appendingPathComponent("status.json") }
    /// What happened, a line each.
    public var events: URL { url.appendingPathComponent("events.jsonl") }
    /// Checkpoints of the tuning.
    public var checkpoints: URL { url.appendingPathComponent("checkpoints") }
    /// Checkpoints of the alignment.
    public var alignment: URL { url.appendingPathComponent("align") }
    /// The report's files.
    public var report: URL { url.appendingPathComponent("report") }
    /// The report itself, which the other files of the report are made from.
    public var reportFile: URL { report.appendingPathComponent("report.json") }

    /// The assessment of one subject.
    public func assessment(of subject: String) -> URL {
        url.appendingPathComponent("assessments").appendingPathComponent(subject)
    }

    /// What the controls showed.
    public var controls: URL { url.appendingPathComponent("assessments").appendingPathComponent("controls.json") }

    /// The policy of the guard that was assessed.
    public var guardPolicy: URL { url.appendingPathComponent("guard").appendingPathComponent("policy.yaml") }

    /// The policy that was made from what the run found.
    public var guardSuggestion: URL { url.appendingPathComponent("guard").appendingPathComponent("suggested.yaml") }

    /// What the guard does by itself.
    public var guardStudy: URL { url.appendingPathComponent("guard").appendingPathComponent("study.json") }

    /// The files of one defence.
    public func defence(_ name: String) -> URL {
        url.appendingPathComponent("defences").appendingPathComponent(name)
    }

    /// The adapter, or the weights, that a defence has made.
    public func adapter(ofDefence name: String) -> URL { defence(name).appendingPathComponent("adapter") }

    /// What a defence on weights has found.
    public func change(ofDefence name: String) -> URL { defence(name).appendingPathComponent("change.json") }

    /// One round of a continued tuning, counted from 1; `course` is `tuned` for the plain one, else the defence's name.
    public func continued(_ course: String, round: Int) -> RunDirectory {
        let name = "round-" + String(repeating: "0", count: max(0, 3 - "\(round)".count)) + "\(round)"
        return RunDirectory(
            url.appendingPathComponent("continued").appendingPathComponent(course).appendingPathComponent(name)
        )
    }

    /// Which rounds of a continued tuning were assessed so far.
    public var continuation: URL { url.appendingPathComponent("continued.json") }

    /// Whether anything was made here that took work: a checkpoint or an assessment.
    public var holdsWork: Bool {
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: url.path)) ?? []
        return paths.contains { $0.hasSuffix("/state.json") || $0.hasSuffix("/metrics.json") }
    }

    /// What the run says of itself; `stopped` where it says that it runs, and no process does. Nil where there is no run.
    public func currentStatus() -> RunStatus? {
        var found = writtenStatus()
        if found?.state == .running, !RunLock.isHeld(self) { found?.state = .stopped }
        return found
    }

    /// What the run has written of itself; where that cannot be read, `damaged`, with what the log of events still tells.
    package func writtenStatus() -> RunStatus? {
        do {
            return try LedgerFile.decode(RunStatus.self, from: status)
        } catch {
            let attributes = try? FileManager.default.attributesOfItem(atPath: status.path)
            guard let written = attributes?[.modificationDate] as? Date else { return nil }
            let events = LedgerFile.readLines(RunEvent.self, from: events)
            let reason = (error as? DecodingError)?.reason ?? error.localizedDescription
            return RunStatus(
                state: .damaged,
                phase: events.last?.phase ?? "unknown",
                started: events.first?.time ?? written,
                updated: written,
                error: "\(status.relativePath) cannot be read: \(reason); "
                    + "`temper run \(recipe.relativePath)` writes it again and keeps what was done"
            )
        }
    }

    /// The runs under a directory, by name.
    public static func all(in directory: URL) -> [RunDirectory] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return names.sorted().map { RunDirectory(directory.appendingPathComponent($0)) }
            .filter { FileManager.default.fileExists(atPath: $0.status.path) }
    }
}

/// Where a run stands.
public struct RunStatus: Codable, Sendable, Hashable {
    /// The states of a run.
    public enum State: String, Codable, Sendable, CaseIterable {
        case running, interrupted, failed, finished
        /// The process that ran it was killed; no process writes this, readers find it out.
        case stopped
        /// What it says of itself cannot be read; nor does any process write this.
        case damaged
    }

    /// Version of this file's layout.
    public var schema = 1
    /// The state.
    public var state: State
    /// What it is doing, or what it did last.
    public var phase: String
    /// When it began, ISO 8601.
    public var started: Date
    /// When this was written, ISO 8601.
    public var updated: Date
    /// Why it failed, or cannot be read.
    public var error: String?
    /// The last chapter of the story that was told to its end.
    public var chapter: String?

    /// Creates a status.
    public init(state: State, phase: String, started: Date, updated: Date = Date(), error: String? = nil) {
        self.state = state
        self.phase = phase
        self.started = started
        self.updated = updated
        self.error = error
    }
}

/// Reads and writes the JSON files of a run: whole, or not at all.
public enum LedgerFile {
    /// Writes a value as indented JSON with sorted keys and ISO 8601 dates.
    public static func write(_ value: some Encodable, to url: URL) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try AtomicFile.write(try encoder(pretty: true).encode(value), to: url)
    }

    /// Writes values as JSON lines.
    public static func write(lines values: [some Encodable], to url: URL) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        let encoder = encoder(pretty: false)
        var data = Data()
        for value in values {
            data += try encoder.encode(value)
            data.append(0x0A)
        }
        try AtomicFile.write(data, to: url)
    }

    /// Writes text.
    public static func write(text: String, to url: URL) throws {
        try write(data: Data(text.utf8), to: url)
    }

    /// Writes bytes.
    public static func write(data: Data, to url: URL) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try AtomicFile.write(data, to: url)
    }

    /// Reads a value, or nil when the file is missing or unreadable.
    public static func read<Value: Decodable>(_ type: Value.Type, from url: URL) -> Value? {
        try? decode(type, from: url)
    }

    /// Reads a value.
    ///
    /// - Throws: What the file system says, or a `DecodingError`.
    static func decode<Value: Decodable>(_ type: Value.Type, from url: URL) throws -> Value {
        let data = try Data(contentsOf: url)
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: data)
    }

    /// Reads JSON lines, leaving out any that cannot be read (a killed process may leave half a line at the end).
    public static func readLines<Value: Decodable>(_ type: Value.Type, from url: URL) -> [Value] {
        guard let data = try? Data(contentsOf: url) else { return [] }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return data.split(separator: 0x0A).compactMap { try? decoder.decode(type, from: $0) }
    }

    static func encoder(pretty: Bool) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting =
            pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
