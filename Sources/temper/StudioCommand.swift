import ArgumentParser
import Foundation
import Logging
import TemperPipeline
import TemperStudio

struct StudioCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "studio",
        abstract: "Shows the runs of a directory in the browser: lists, compares, watches, and talks to their models.",
        discussion: """
            It listens on this machine alone. Open the address it prints: the token in it lets nobody else in. Runs that are \
            started there go on when the studio ends, unless --stop-runs is given.
            """
    )

    @OptionGroup var runs: RunsOption
    @Option(help: "The port; 0 takes a free one.")
    var port = 8500
    @Flag(help: "When the studio ends, ask the runs that were started there to write a checkpoint and end.")
    var stopRuns = false
    @Flag(help: "Only show: no new runs, and no chat.")
    var readOnly = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port lies between 0 and 65535") }
    }

    func run() async throws {
        let url = try runs.url()
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        var settings = StudioSettings(directory: url)
        settings.port = port
        var logger = Logger(label: "temper.studio", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        let launcher = StudioLauncher(directory: url)
        let studio = Studio(
            settings,
            source: StudioSource(),
            chat: readOnly ? nil : StudioChat(),
            launcher: readOnly ? nil : launcher,
            logger: logger
        )
        let served = await Task {
            try await studio.run { address in
                Console.print(address)
                Console.error("the studio shows \(url.relativePath); Ctrl-C ends it")
            }
        }.result
        if stopRuns {
            // The server has ended; from here on Ctrl-C ends the studio itself.
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
            let count = launcher.stopAll()
            if count > 0 {
                Console.error("waiting for the runs that were started here (\(count)) to end; Ctrl-C waits no more")
            }
            await launcher.waitUntilAllHaveEnded()
        }
        try served.get()
    }
}
