public import Foundation
import TemperLedger
public import TemperRisk

/// The attempts of one attack on disk, appended after every batch, so that an attack that was cut off can go on.
///
/// The first line says what the attempts were made from. Knows nothing about how an attack works.
public struct AttackLog {
    private struct Header: Codable {
        var schema = 1
        var fingerprint: String
    }

    private let url: URL
    /// The attempts that an earlier attack left, in order.
    public let earlier: [Attempt]

    /// Opens the file, or begins it; half a line that a killed process left is cut off.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - parts: What decides the attempts: suite, model, decoding, helpers.
    /// - Throws: `AttackError.otherAttack` where the file was made from something else, or a file error.
    public init(_ url: URL, madeFrom parts: [String]) throws {
        self.url = url
        let fingerprint = SHA256.hex(of: parts.map { "\($0.utf8.count)\n\($0)\n" }.joined())
        guard FileManager.default.fileExists(atPath: url.path) else {
            earlier = []
            try LedgerFile.write(lines: [Header(fingerprint: fingerprint)], to: url)
            return
        }
        guard LedgerFile.readLines(Header.self, from: url).first?.fingerprint == fingerprint else {
            throw AttackError.otherAttack(
                file: url.path,
                reason: "attempts that another model, suite, attack or setting made"
            )
        }
        earlier = LedgerFile.readLines(Attempt.self, from: url)
        try LedgerFile.write(lines: [Header(fingerprint: fingerprint)], to: url)
        try append(earlier)
    }

    /// Appends attempts as whole lines.
    public func append(_ attempts: [Attempt]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = Data()
        for attempt in attempts { data += try encoder.encode(attempt) + Data([0x0A]) }
        let handle = try FileHandle(forWritingTo: url)
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: data)
    }

    /// What tells a model's files apart without reading them: names, sizes and times of the last change.
    public static func stamp(of model: URL) throws -> String {
        let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey, .isDirectoryKey]
        let isFolder = try model.resourceValues(forKeys: keys).isDirectory ?? false
        let files =
            isFolder
            ? try FileManager.default.contentsOfDirectory(at: model, includingPropertiesForKeys: Array(keys)) : [model]
        return try files.sorted { $0.lastPathComponent < $1.lastPathComponent }.map { file in
            let values = try file.resolvingSymlinksInPath().resourceValues(forKeys: keys)
            let time = values.contentModificationDate?.timeIntervalSince1970 ?? 0
            return "\(file.lastPathComponent) \(values.fileSize ?? 0) \(time)"
        }.joined(separator: "\n")
    }
}
