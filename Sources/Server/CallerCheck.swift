import Foundation

/// Keeps web pages from a server that has no keys.
///
/// A page in a browser on this machine reaches what listens on loopback: by a name of its own that is made to point
/// there (DNS rebinding), which the `Host` header gives away, or across origins, which the `Origin` header does.
/// Programs send neither a foreign host nor an origin. Knows nothing about keys: where there are some, a page does not
/// know them.
enum CallerCheck {
    private static let loopback: Set = ["localhost", "127.0.0.1", "[::1]"]

    /// Whether a request with these headers comes from a program on this machine, or a page that it serves.
    ///
    /// - Parameters:
    ///   - authority: The `Host` header, with or without a port; a request without one comes from no browser.
    ///   - origin: The `Origin` header.
    static func admits(authority: String?, origin: String?) -> Bool {
        if let authority, !loopback.contains(name(of: authority)) { return false }
        guard let origin else { return true }
        guard let start = origin.range(of: "://") else { return false }
        return loopback.contains(name(of: String(origin[start.upperBound...])))
    }

    /// The host without its port, in lower case.
    private static func name(of authority: String) -> String {
        let text = authority.lowercased()
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let rest = text[text.index(after: end)...]
            return rest.isEmpty || isPort(rest) ? String(text[...end]) : text
        }
        guard let colon = text.firstIndex(of: ":") else { return text }
        return isPort(text[colon...]) ? String(text[..<colon]) : text
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.hasPrefix(":") && text.count <= 6 && text.dropFirst().allSatisfy(\.isASCII)
            && text.dropFirst().allSatisfy(\.isNumber)
    }
}
