import Foundation
import Testing

/// The Python with the libraries that Temper is compared with, which `Scripts/setup` can install.
enum Python {
    private static let program = Golden.folder.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".deps/peers/bin/python")
    static let isThere = FileManager.default.isExecutableFile(atPath: program.path)

    /// Runs a script off the torch thread and returns what it printed.
    @concurrent static func run(_ arguments: String...) async throws -> Data {
        let process = Process()
        let output = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = output
        process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1"]) { $1 }
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return data
    }
}
