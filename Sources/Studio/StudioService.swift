import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import TemperLedger
import TemperReport
import TemperText

/// Answers requests: who may ask, which page, and the headers that every answer carries.
///
/// Knows nothing about sockets, models or recipes.
final class StudioService: HTTPResponder {
    typealias Context = BasicRequestContext

    let settings: StudioSettings
    let source: any RunSource
    let chat: (any ChatPartners)?
    let launcher: (any RunLauncher)?
    let index: RunIndex
    let reports: RunReports
    let losses = RunLosses()
    let probes: ProbeStore
    /// Known as soon as the port is.
    let admission = Locked<Admission?>(nil)

    init(
        settings: StudioSettings,
        source: any RunSource,
        chat: (any ChatPartners)?,
        launcher: (any RunLauncher)?
    ) {
        self.settings = settings
        self.source = source
        self.chat = chat
        self.launcher = launcher
        index = RunIndex(settings.directory)
        reports = RunReports(source)
        probes = ProbeStore()
    }

    /// An answer instead of a page, such as for a run that is not there.
    struct Refusal: Error {
        var status: HTTPResponse.Status
        var text: String
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        var response: Response
        switch admission.withLock({ $0?.admit(request) }) {
        case nil: response = send(.message("Not yet", "The studio is starting."), .serviceUnavailable)
        // Nobody who is not admitted gets a style sheet, either.
        case .refused(let status, let text):
            response = Page.send(text + "\n", type: "text/plain; charset=utf-8", status)
        case .welcome(let path, let cookie):
            response = Page.redirect(to: path)
            response.headers[.setCookie] = cookie
        case .admitted:
            do {
                // What is asked with HEAD is found as with GET; the body is left out below.
                var head = request.head
                if head.method == .head { head.method = .get }
                response = try await answer(Request(head: head, body: request.body))
            } catch let refusal as Refusal {
                response = send(.message("That did not work", refusal.text), refusal.status)
            } catch {
                response = send(.message("That did not work", "\(error)"), .internalServerError)
            }
        }
        if request.method == .head { response.body = ResponseBody() }
        Self.protect(&response)
        return response
    }

    /// A page as an answer; it leads to new runs and to models where this studio has them.
    private func send(_ page: Page, _ status: HTTPResponse.Status = .ok) -> Response {
        var page = page
        page.offersRuns = launcher != nil
        page.offersChat = chat != nil
        return page.response(status)
    }

    private static func protect(_ response: inout Response) {
        let headers = [
            ("Content-Security-Policy", Page.policy), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
        ]
        for (name, value) in headers {
            guard let name = HTTPField.Name(name), response.headers[name] == nil else { continue }
            response.headers[name] = value
        }
    }

    // MARK: Routes

    private func answer(_ request: Request) async throws -> Response {
        let parts = request.uri.path.split(separator: "/").map { $0.removingPercentEncoding ?? "" }
        let query = Query(request.uri.query ?? "")
        switch (request.method, parts.first ?? "", parts.count) {
        case (.get, "", 0):
            var page = RunsPage(entries: index.entries(), query: query, offersRuns: launcher != nil)
            let known = Set(page.entries.map(\.name))
            page.starting = (launcher?.running ?? []).filter { !known.contains($0) }.sorted()
            return send(page.page)
        case (.get, "studio.css", 1): return Page.send(StudioStyle.text, type: "text/css; charset=utf-8")
        case (.get, "studio.js", 1): return Page.send(StudioScript.text, type: "text/javascript; charset=utf-8")
        case (.get, "icon.svg", 1): return Page.send(StudioStyle.icon, type: "image/svg+xml")
        case (.get, "compare", 1): return try await compare(query)
        case (_, "new", 1), (.post, "start", 1): return try await launch(request, parts[0])
        case (_, "runs", 2...3):
            guard let run = index.run(named: parts[1]) else {
                if parts.count == 2, let page = starting(parts[1]) { return send(page) }
                throw Refusal(status: .notFound, text: "There is no run of that name.")
            }
            return try await answer(request, run, parts.count == 3 ? parts[2] : "", query)
        default: throw Refusal(status: .notFound, text: "There is no such page.")
        }
    }

    private func answer(_ request: Request, _ run: RunDirectory, _ below: String, _ query: Query) async throws
        -> Response
    {
        switch (request.method, below) {
        case (.get, ""): return send(await page(of: run).page)
        case (.get, "progress"): return Page.html(await page(of: run, figures: false).progress.text)
        case (.get, "figures"): return Page.html(await page(of: run).figures.text)
        case (.get, "losses"): return Page.html(await page(of: run, figures: false).losses.text)
        case (.get, "events"): return events(of: run)
        case (.get, "report"):
            _ = try await finishedReport(of: run)
            return send(ReportPage(run: run, status: run.currentStatus()).page)
        case (.get, ReportPage.sheet): return sheet(try await finishedReport(of: run))
        case (.get, "probes"):
            let selection = await ProbeSelection.make(query, of: run, from: probes)
            return send(ProbesPage(run: run, status: run.currentStatus(), selection: selection, query: query).page)
        case (.get, "chat"):
            guard let chat else { throw Refusal(status: .notFound, text: "This studio lets nobody talk to models.") }
            let partners = chat.partners(of: run)
            return send(ChatPage(run: run, status: run.currentStatus(), partners: partners).page)
        case (.post, "chat"): return try await talk(request, run)
        case (.post, "stop"):
            guard let launcher, launcher.isRunning(run.name) else {
                throw Refusal(status: .conflict, text: "This run was not started here, or has ended.")
            }
            launcher.stop(run.name)
            return Page.redirect(to: Piece.path(run.name))
        default: throw Refusal(status: .notFound, text: "There is no such page.")
        }
    }

    /// A run that was started here and has no folder yet.
    private func starting(_ name: String) -> Page? {
        guard let launcher, let output = launcher.output(of: name) else { return nil }
        return StartingPage(name: name, isRunning: launcher.isRunning(name), output: output).page
    }

    /// - Parameter figures: Whether the figures are asked for, which may take a while to make.
    private func page(of run: RunDirectory, figures: Bool = true) async -> RunPage {
        let shown =
            figures ? await reports.shown(run) : RunReports.Shown(report: nil, isFinished: false, problem: nil)
        return RunPage(
            run: run,
            status: run.currentStatus(),
            shown: shown,
            training: shown.isFinished ? shown.report?.training ?? [] : await losses.points(of: run),
            isOwn: launcher?.isRunning(run.name) ?? false,
            isEnding: launcher?.isEnding(run.name) ?? false,
            output: launcher?.output(of: run.name) ?? ""
        )
    }

    private func finishedReport(of run: RunDirectory) async throws -> RunReport {
        let shown = await reports.shown(run)
        guard shown.isFinished, let report = shown.report else {
            throw Refusal(status: .notFound, text: shown.problem ?? "A run has its report when it is finished.")
        }
        return report
    }

    /// The whole report, made anew from its numbers: a file that somebody put in its place is never sent. It stands in
    /// a box of its own, where it can reach neither the studio nor its cookie; only the studio may frame it.
    private func sheet(_ report: RunReport) -> Response {
        var response = Page.html(HTMLReport.render(report))
        // A page in a sandbox may have no opener policy, or browsers do not show it at all.
        if let opener = HTTPField.Name("Cross-Origin-Opener-Policy") { response.headers[opener] = "unsafe-none" }
        response.headers[.contentSecurityPolicy] =
            "sandbox allow-scripts; connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
        if let frame = HTTPField.Name("X-Frame-Options") { response.headers[frame] = "SAMEORIGIN" }
        return response
    }

    private func compare(_ query: Query) async throws -> Response {
        let asked = query.all("run").uniqued()
        let entries = index.entries()
        let found = asked.compactMap { name in
            entries.first { $0.name == name }.flatMap { entry in index.run(named: name).map { (entry, run: $0) } }
        }
        var sides: [ComparePage.Side] = []
        for (entry, run) in found.prefix(ComparePage.most) {
            sides.append(
                ComparePage.Side(
                    entry: entry,
                    settings: source.settings(of: run),
                    report: await reports.shown(run).report
                )
            )
        }
        let known = Set(found.map(\.0.name))
        let unknown = asked.filter { !known.contains($0) }
        return send(ComparePage(sides: sides, unknown: unknown, omitted: found.count - sides.count).page)
    }

    // MARK: New runs

    private func launch(_ request: Request, _ path: String) async throws -> Response {
        guard let launcher else { throw Refusal(status: .notFound, text: "This studio starts no runs.") }
        if request.method == .get {
            let query = Query(request.uri.query ?? "")
            let filled = query.items.isEmpty ? NewRunPage.blank(launcher.choices) : RecipeForm(query)
            return send(NewRunPage.form(launcher.choices, filled))
        }
        guard request.method == .post else { throw Refusal(status: .methodNotAllowed, text: "Use the form.") }
        let sent = Query(String(buffer: try await body(request)))
        guard path == "start" else {
            let filled = RecipeForm(sent)
            var problems = launcher.problems(in: filled)
            if problems[.name] == nil, index.run(named: filled.name) != nil {
                problems[.name] = "There is a run of that name already: choose another."
            }
            guard problems.isEmpty else { return send(NewRunPage.form(launcher.choices, filled, problems)) }
            let yaml = launcher.recipe(of: filled)
            return send(NewRunPage.recipe(yaml, problem: problem(in: yaml, launcher), of: sent))
        }
        let yaml = (sent["recipe"] ?? "").replacing("\r\n", with: "\n")
        let form = Query(sent["form"] ?? "")
        if let problem = problem(in: yaml, launcher) {
            return send(NewRunPage.recipe(yaml, problem: problem, of: form))
        }
        do {
            return Page.redirect(to: Piece.path(try await launcher.start(yaml)))
        } catch {
            return send(NewRunPage.recipe(yaml, problem: "\(error)", of: form))
        }
    }

    private func problem(in yaml: String, _ launcher: any RunLauncher) -> String? {
        do {
            let name = try launcher.check(yaml)
            return index.run(named: name) == nil ? nil : "There is a run \(name) already: choose another run_name."
        } catch {
            return "\(error)"
        }
    }

    func body(_ request: Request) async throws -> ByteBuffer {
        let limit = settings.maximumBody
        var bytes = ByteBuffer()
        for try await part in request.body {
            guard bytes.readableBytes + part.readableBytes <= limit else {
                throw Refusal(status: .contentTooLarge, text: "That is more than \(limit) bytes.")
            }
            bytes.writeImmutableBuffer(part)
        }
        return bytes
    }
}
