import Foundation
import TemperPipeline

/// The program itself, built beside the tests.
enum Program {
    static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "temper")

    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// A process with the program, not started yet; `limit` is put before it in a shell, such as `ulimit -d 1000`.
    static func process(_ arguments: [String], limit: String = ":") -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "\(limit); exec \"$0\" \"$@\"", url.path] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }

    /// Runs it to its end.
    static func run(
        _ arguments: String...,
        limit: String = ":",
        output: FileHandle? = nil
    ) throws -> Result {
        try run(arguments, limit: limit, output: output)
    }

    /// The same with the arguments as a list.
    static func run(_ arguments: [String], limit: String = ":", output: FileHandle? = nil) throws -> Result {
        let process = process(arguments, limit: limit)
        let (texts, errors) = (Pipe(), Pipe())
        if let output { process.standardOutput = output } else { process.standardOutput = texts }
        process.standardError = errors
        try process.run()
        // What it prints fits the pipes' buffers, so one can be read after the other.
        let error = try errors.fileHandleForReading.readToEnd() ?? Data()
        let text = output == nil ? try texts.fileHandleForReading.readToEnd() ?? Data() : Data()
        process.waitUntilExit()
        return Result(
            status: process.terminationReason == .exit ? process.terminationStatus : -1,
            output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: error, as: UTF8.self)
        )
    }
}
