import TemperLedger
import TemperReport

/// The full report in a frame, with the way back to the run's other pages above it.
///
/// The report itself stays the one file that it is, and stands in a sandbox: a link in it could not lead back, for what
/// comes from a sandbox carries no cookie.
struct ReportPage {
    /// The path of the report itself, below its run.
    static let sheet = "report.html"

    let run: RunDirectory
    let status: RunStatus?

    var page: Page {
        let sheet = Piece.path(run.name, Self.sheet)
        return Page(
            title: "\(run.name): report",
            run: Page.OfRun(name: run.name, status: status, here: "report"),
            content: """
                <p class="how"><a href="\(sheet)">The report alone</a>, to print it or to keep it.</p>
                <iframe src="\(sheet)" title="Full report of \(run.name)"></iframe>
                """,
            isFrame: true
        )
    }
}
