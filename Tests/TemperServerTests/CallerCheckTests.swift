import Testing

@testable import TemperServer

/// Who may ask a server without keys: programs on this machine, and no page of another origin.
@Suite struct CallerCheckTests {
    @Test(
        arguments: [
            (nil, nil), ("127.0.0.1:8400", nil), ("LOCALHOST", nil), ("[::1]:8400", nil),
            ("localhost:8400", "http://localhost:3000"), ("127.0.0.1:8400", "http://127.0.0.1:8400"),
        ] as [(String?, String?)]
    )
    func programsAreAdmitted(authority: String?, origin: String?) {
        #expect(CallerCheck.admits(authority: authority, origin: origin))
    }

    @Test(
        arguments: [
            ("rebound.example:8400", nil), ("127.0.0.1.rebound.example", nil), ("localhost:8400@rebound.example", nil),
            ("127.0.0.1:8400", "https://page.example"), ("127.0.0.1:8400", "null"),
            ("127.0.0.1:8400", "http://localhost.page.example"), ("[::1].example", nil),
        ] as [(String?, String?)]
    )
    func pagesAreNot(authority: String?, origin: String?) {
        #expect(!CallerCheck.admits(authority: authority, origin: origin))
    }
}
