import HTTPTypes
import Hummingbird

/// Decides whether a request may be answered: it comes from this machine's browser, by our own page or the first
/// address.
///
/// Three things are checked. `Host` must be this server's loopback name, or a page elsewhere could reach it under a
/// name of its own (DNS rebinding). The first address carries a token, which becomes a cookie that scripts cannot read
/// and that no other site's request brings along. What changes something must also say that our own page sent it.
struct Admission: Sendable {
    /// What is to be done with a request.
    enum Outcome: Equatable {
        case admitted
        /// The token was right: go to `path`, which holds the rest of the query, with the cookie.
        case welcome(path: String, cookie: String)
        case refused(HTTPResponse.Status, String)
    }

    private let token: String
    private let session = StudioSettings.secret()
    /// The port listened at; it is in the cookie's name, so that two studios do not take each other's place.
    let port: Int

    init(token: String, port: Int) {
        self.token = token
        self.port = port
    }

    private var cookieName: String { "temper_studio_\(port)" }

    /// The address to open first.
    var address: String { "http://127.0.0.1:\(port)/?token=\(token)" }

    func admit(_ request: Request) -> Outcome {
        let hosts = ["127.0.0.1:\(port)", "localhost:\(port)"]
        guard let host = request.head.authority, hosts.contains(host.lowercased()) else {
            return .refused(.misdirectedRequest, "This server answers to http://127.0.0.1:\(port) alone.")
        }
        if request.method != .get, request.method != .head {
            guard isOwn(request, host: host) else {
                return .refused(.forbidden, "Only the studio's own pages may ask for this.")
            }
        }
        if let given = request.uri.queryParameters["token"], Self.equal(String(given), token) {
            guard request.method == .get else { return .refused(.methodNotAllowed, "The token goes with GET.") }
            let cookie = "\(cookieName)=\(session); HttpOnly; SameSite=Strict; Path=/"
            guard Self.isPath(request.uri.path) else { return .welcome(path: "/", cookie: cookie) }
            let rest = Query(request.uri.query ?? "").with("token", nil).encoded
            return .welcome(path: request.uri.path + (rest.isEmpty ? "" : "?\(rest)"), cookie: cookie)
        }
        // A browser may send several cookies, and a client several headers.
        let cookies = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }
        let isKnown = cookies.contains { cookie in
            let parts = cookie.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            return parts.count == 2 && parts[0] == cookieName && Self.equal(String(parts[1]), session)
        }
        return isKnown
            ? .admitted
            : .refused(.unauthorized, "Open the address that `temper studio` has printed; it carries a token.")
    }

    /// Whether our own page sent it. Under a strict referrer policy a browser says `Origin: null` for a form, and
    /// `Sec-Fetch-Site`, which no script can set, tells whose form it was.
    private func isOwn(_ request: Request, host: String) -> Bool {
        let origin = request.headers[.origin]
        let site = HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
        guard site == nil || site == "same-origin" else { return false }
        return origin == "http://\(host)" || ((origin == nil || origin == "null") && site == "same-origin")
    }

    /// A path on this server: one slash at its beginning, and nothing that a browser could take for a host.
    private static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.hasPrefix("//") && !path.contains("\\")
    }

    /// Compares in a time that does not depend on where two texts differ.
    private static func equal(_ first: String, _ second: String) -> Bool {
        let (first, second) = (Array(first.utf8), Array(second.utf8))
        guard first.count == second.count else { return false }
        return zip(first, second).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
