import TemperReport

/// A run that was started here and has no folder yet: it is still reading its model, or it ended before it began.
///
/// The page is loaded again by itself, and is the run's page as soon as there is one.
struct StartingPage {
    let name: String
    /// Whether its process is still there.
    let isRunning: Bool
    /// What it has printed.
    let output: String

    var page: Page {
        var page = Page(title: name, content: content)
        page.reloads = isRunning
        return page
    }

    private var content: Markup {
        let printed: Markup = output.isEmpty ? "" : "<pre class=\"log\">\(output)</pre>"
        let (word, state, words): (String, String, Markup) =
            isRunning
            ? (
                "starting", "running",
                """
                <p class="lead">It is starting: model and data are being read, which takes a while where they are large.</p>
                <p class="how">This page is loaded again by itself until the run has begun.</p>
                """
            )
            : (
                "failed", "failed",
                """
                <p class="problem" role="alert">It ended before it began\(output.isEmpty ? ", and printed nothing" : "; what it printed says why").</p>
                <p><a href="/new">Write another recipe</a></p>
                """
            )
        return """
            <p class="eyebrow">Run</p>
            <h1>\(name) <span class="state state-\(state)">\(word)</span></h1>
            \(words)
            \(printed)
            """
    }
}
