import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import TemperLedger
import TemperReport

/// The frame of every page: head, bar, content; and how it is sent.
///
/// Whatever is interpolated is escaped by `Markup`. No page holds a script or a style of its own, so that the policy
/// can forbid both: an answer that got into a page as markup could still not run.
struct Page {
    /// The entries of the bar.
    enum Place {
        case runs, new, elsewhere
    }

    /// A run, and which of its pages this is: the path below it.
    struct OfRun {
        var name: String
        var status: RunStatus?
        var here: String
    }

    var title: String
    var place = Place.elsewhere
    /// The run whose page it is; its heading leads to the other ones.
    var run: OfRun?
    var content: Markup
    /// Whether the bar leads to new runs.
    var offersRuns = true
    /// Whether a run's heading leads to its models.
    var offersChat = true
    /// Whether it shows another of our pages in a frame, which then fills the window.
    var isFrame = false
    /// Whether a browser shall load it again after two seconds.
    var reloads = false

    /// Only our own files; nothing inline, nothing from elsewhere, no frame around us.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    /// The same for a page with a frame: of our own, too.
    private static let framePolicy = policy + "; frame-src 'self'"

    var text: String {
        func entry(_ name: String, _ path: String, _ isHere: Bool) -> Markup {
            isHere
                ? "<li><a href=\"\(path)\" aria-current=\"page\">\(name)</a></li>"
                : "<li><a href=\"\(path)\">\(name)</a></li>"
        }
        let again: Markup = reloads ? "<meta http-equiv=\"refresh\" content=\"2\"/>" : ""
        let new: Markup = offersRuns ? entry("New run", "/new", place == .new) : ""
        let markup: Markup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>\(again)
            <title>\(title) · Temper studio</title>
            <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
            <link rel="stylesheet" href="/studio.css"/>
            <script src="/studio.js" defer=""></script>
            </head>
            <body\(isFrame ? " class=\"framing\"" : "" as Markup)>
            <a class="skip" href="#main">Skip to the content</a>
            <div class="masthead"><a class="brand" href="/">Temper <span>studio</span></a>
            <nav aria-label="Studio"><ul>\(entry("Runs", "/", place == .runs))\
            \(new)</ul></nav></div>
            <main id="main" tabindex="-1">
            \(heading)\(content)
            </main>
            <p id="announcement" class="unseen" role="status"></p>
            </body>
            </html>

            """
        return markup.text
    }

    /// The run's name and state, with the links to those of its pages that have something to show.
    private var heading: Markup {
        guard let run else { return "" }
        var tabs = [("", "Overview"), ("probes", "Probes")]
        if offersChat { tabs.append(("chat", "Chat")) }
        if run.status?.state == .finished { tabs.append(("report", "Full report")) }
        let links: [Markup] = tabs.map { below, title in
            let current: Markup = below == run.here ? " aria-current=\"page\"" : ""
            return "<li><a href=\"\(Piece.path(run.name, below))\"\(current)>\(title)</a></li>"
        }
        let badge: Markup = run.status.map { Piece.state($0.state) } ?? ""
        return """
            <p class="eyebrow">Run</p>
            <h1>\(run.name) \(badge)</h1>
            <nav class="tabs" aria-label="Run"><ul>\(links)</ul></nav>

            """
    }

    /// The page as an answer.
    func response(_ status: HTTPResponse.Status = .ok) -> Response {
        var response = Page.html(text, status)
        if isFrame { response.headers[.contentSecurityPolicy] = Page.framePolicy }
        return response
    }

    /// A page that only says something.
    static func message(_ title: String, _ text: String) -> Page {
        Page(
            title: title,
            content: "<h1>\(title)</h1><p class=\"lead\">\(text)</p><p><a href=\"/\">To the runs</a></p>"
        )
    }

    static func html(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
        send(text, type: "text/html; charset=utf-8", status)
    }

    static func send(_ text: String, type: String, _ status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    static func redirect(to path: String) -> Response {
        Response(status: .seeOther, headers: [.location: path])
    }
}

/// Pieces that several pages show.
enum Piece {
    /// The path of a run's page, or of one below it.
    static func path(_ run: String, _ below: String = "") -> String {
        "/runs/\(Query.encoded(run))" + (below.isEmpty ? "" : "/\(below)")
    }

    /// Where a run stands, as a coloured word; the word says it without the colour.
    static func state(_ state: RunStatus.State) -> Markup {
        "<span class=\"state state-\(state.rawValue)\">\(state.rawValue)</span>"
    }

    /// A moment, to the minute.
    static func time(_ date: Date) -> Markup {
        let stamp = date.formatted(.iso8601)
        return "<time datetime=\"\(stamp)\">\(String(stamp.prefix(16)).replacing("T", with: " ")) UTC</time>"
    }

    /// Links to the pages of a list around `current`; nothing where there is one page only.
    static func pages(_ current: Int, of count: Int, path: String, query: Query) -> Markup {
        guard count > 1 else { return "" }
        func link(_ page: Int, _ text: String, _ relation: String) -> Markup {
            guard (1...count).contains(page) else { return "<span class=\"off\">\(text)</span>" }
            return "<a rel=\"\(relation)\" href=\"\(path)?\(query.with("page", "\(page)").encoded)\">\(text)</a>"
        }
        return """
            <nav class="pages" aria-label="Pages">\(link(current - 1, "← Before", "prev")) \
            <span>Page \(current) of \(count)</span> \(link(current + 1, "Next →", "next"))</nav>
            """
    }

    /// A choice of a form.
    static func select(
        _ name: String,
        _ label: String,
        _ options: [(value: String, title: String)],
        chosen: String
    ) -> Markup {
        let choices: [Markup] = options.map { option in
            option.value == chosen
                ? "<option value=\"\(option.value)\" selected=\"\">\(option.title)</option>"
                : "<option value=\"\(option.value)\">\(option.title)</option>"
        }
        return """
            <label class="field"><span>\(label)</span><select name="\(name)">\(choices)</select></label>
            """
    }

    /// A line of text in a form.
    static func input(
        _ name: String,
        _ label: String,
        value: String,
        hint: String = "",
        list: String = "",
        problem: String? = nil
    ) -> Markup {
        let offers: Markup = list.isEmpty ? "" : " list=\"\(list)\""
        let fault: Markup =
            problem == nil ? "" : " aria-invalid=\"true\" aria-describedby=\"problem-\(name)\""
        // What offers a list holds paths, which are long.
        let style = list.isEmpty ? "field" : "field long"
        return """
            <div class="\(style)"><label><span>\(label)</span><input name="\(name)" value="\(value)" placeholder="\(hint)" \
            autocomplete="off" spellcheck="false"\(offers)\(fault)/></label>\(Piece.problem(problem, with: name))</div>
            """
    }

    /// What is wrong with an entry of a form; nothing where nothing is.
    static func problem(_ problem: String?, with name: String) -> Markup {
        problem.map { "<small class=\"fault\" id=\"problem-\(name)\">\($0)</small>" } ?? ""
    }

    /// A box to tick.
    static func box(_ name: String, _ value: String, _ label: Markup, isOn: Bool) -> Markup {
        isOn
            ? "<label class=\"box\"><input type=\"checkbox\" name=\"\(name)\" value=\"\(value)\" checked=\"\"/> <span>\(label)</span></label>"
            : "<label class=\"box\"><input type=\"checkbox\" name=\"\(name)\" value=\"\(value)\"/> <span>\(label)</span></label>"
    }
}
