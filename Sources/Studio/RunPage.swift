import Foundation
import TemperLedger
import TemperReport

/// One run: what it is doing, what it found, both figures and the losses. The parts that grow while it runs are asked for
/// one by one.
struct RunPage {
    let run: RunDirectory
    let status: RunStatus?
    let shown: RunReports.Shown
    /// The losses that are written so far.
    let training: [RunReport.TrainingPoint]
    /// Whether the studio started it and could end it.
    let isOwn: Bool
    /// Whether the studio has asked it to end.
    let isEnding: Bool
    /// What it printed, where the studio started it.
    let output: String

    private var isLive: Bool { status?.state == .running }

    var page: Page {
        var page = Page(
            title: run.name,
            run: Page.OfRun(name: run.name, status: status, here: ""),
            content: content
        )
        // A run that is taken up says nothing new of itself until its model is read; only a live page renews itself.
        page.reloads = isOwn && !isLive
        return page
    }

    private var content: Markup {
        let events: Markup = isLive ? " data-events=\"\(Piece.path(run.name, "events"))\"" : ""
        return """
            <div id="live"\(events) data-progress="\(Piece.path(run.name, "progress"))" \
            data-figures="\(Piece.path(run.name, "figures"))" data-losses="\(Piece.path(run.name, "losses"))">
            \(progress)
            \(figures)
            \(losses)
            </div>
            """
    }

    /// What the run is doing. The page asks for it anew while the run goes on.
    var progress: Markup {
        guard let status else {
            return "<div id=\"progress\"><p class=\"lead\">What the run says of itself cannot be read.</p></div>"
        }
        let progress = RunProgress(run)
        let word = status.state.rawValue.capitalized
        let error: Markup = status.error.map { "<p class=\"problem\"><strong>\(word):</strong> \($0)</p>" } ?? ""
        let stop: Markup = isOwn && isLive ? self.stop : ""
        let output: Markup =
            output.isEmpty || (!isLive && status.state != .failed)
            ? ""
            : "<details class=\"data\"><summary>What it printed</summary><pre class=\"log\">\(output)</pre></details>"
        let events: [Markup] = progress.recent.map { event in
            """
            <li>\(Piece.time(event.time)) <b>\(event.phase)</b> \(Self.words(event))</li>
            """
        }
        let log: Markup =
            events.isEmpty || !isLive
            ? ""
            : "<details class=\"data\" open=\"\"><summary>What happened last</summary><ul class=\"events\">\(events)</ul></details>"
        let isStarting = isLive && progress.step == nil && progress.recent.isEmpty
        let starting: Markup = isStarting ? "<p class=\"how\">It is starting: nothing has happened yet.</p>" : ""
        return """
            <div id="progress">
            <p class="meta"><span>\(isLive ? "in" : "last in"): \(status.phase)</span> \
            <span>started \(Piece.time(status.started))</span> <span>heard of \(Piece.time(status.updated))</span></p>
            \(error)\(starting)\(isLive ? Self.bar(progress.step) : "")\(stop)\(log)\(output)
            </div>
            """
    }

    /// The way to end it; a run that was asked is not asked again, for the second time would end it at once.
    private var stop: Markup {
        isEnding
            ? "<p class=\"how\">Ending: it finishes this step and writes a checkpoint.</p>"
            : """
            <form method="post" action="\(Piece.path(run.name, "stop"))">\
            <button type="submit">End after this step</button></form>
            """
    }

    private static func bar(_ step: RunEvent?) -> Markup {
        guard let step, let done = step.done, let total = step.total, total > 0 else { return "" }
        var facts = ["\(step.phase), step \(done) of \(total)"]
        if let loss = step.loss, loss.isFinite { facts.append("loss \(String(format: "%.3f", loss))") }
        if let speed = step.tokensPerSecond, (0..<1e12).contains(speed) { facts.append("\(Int(speed)) tokens/s") }
        if let left = step.secondsLeft, (0..<1e9).contains(left) { facts.append("\(Int(left)) s left") }
        return """
            <p class="step"><label>\(facts.joined(separator: " · "))\
            <progress value="\(done)" max="\(total)"></progress></label></p>
            """
    }

    private static func words(_ event: RunEvent) -> String {
        switch event.kind {
        case .phase: "began" + (event.message.map { ": \($0)" } ?? "")
        case .checkpoint: "checkpoint at step \(event.done ?? 0) of \(event.total ?? 0)"
        case .finished: "finished"
        case .assessed, .note, .probes, .step: event.message ?? ""
        }
    }

    /// What was measured. The page asks for it anew when an assessment is complete.
    var figures: Markup {
        guard let report = shown.report else {
            let reason = shown.problem ?? "The figures begin with the first complete assessment."
            return "<div id=\"figures\" data-subjects=\"\"><p class=\"none\">\(reason)</p></div>"
        }
        let parts = ReportParts(report)
        let steps = report.subjects.map(\.name).joined(separator: " ")
        let takeaway: Markup =
            shown.isFinished
            ? "<p class=\"lead\">\(parts.takeaway)</p>"
            : "<p class=\"how\">So far: \(report.subjects.count) subjects assessed. Numbers of an unfinished run are not its result.</p>"
        return """
            <div id="figures" data-subjects="\(steps)">
            \(takeaway)
            \(parts.tiles)
            <section><h2>Risk, over-refusal and utility</h2>\(parts.figureOne)</section>
            <section><h2>Along training</h2>\(parts.figureTwo)</section>
            </div>
            """
    }

    /// The losses. The page asks for them anew as they are written.
    var losses: Markup {
        let section: Markup =
            training.isEmpty ? "" : "<section><h2>Training loss</h2>\(ReportParts.losses(training))</section>"
        return "<div id=\"losses\">\(section)</div>"
    }
}
