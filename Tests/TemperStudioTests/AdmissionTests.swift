import Foundation
import NIOHTTP1
import Testing

@testable import TemperStudio

/// Who is let in, and what every answer says to the browser.
@Suite struct AdmissionTests {
    @Test func onlyTheTokenOpensAndItBecomesACookie() async throws {
        try await Scene.open { scene async throws in
            try scene.run("first")
            #expect(try await scene.send("GET", "/", cookie: nil).status == 401)
            #expect(try await scene.send("GET", "/runs/first", cookie: nil).status == 401)
            #expect(try await scene.send("GET", "/studio.js", cookie: nil).status == 401)
            #expect(
                try await scene.send("GET", "/?token=\(String(repeating: "a", count: 32))", cookie: nil).status == 401
            )
            let name = scene.cookie.prefix { $0 != "=" }
            #expect(
                try await scene.send("GET", "/", cookie: "\(name)=\(String(repeating: "a", count: 32))").status == 401
            )
            let token = scene.address.drop { $0 != "?" }
            let welcome = try await scene.send("GET", "/runs/first" + token, cookie: nil)
            #expect(welcome.status == 303)
            #expect(welcome.headers.first(name: "location") == "/runs/first")
            let cookie = try #require(welcome.headers.first(name: "set-cookie"))
            #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"))
            #expect(!cookie.contains(token.dropFirst(7)))
            #expect(try await scene.get("/").status == 200)
            // What else was asked for stays.
            let compared = try await scene.send("GET", "/compare\(token)&run=first&run=a%26b", cookie: nil)
            #expect(compared.headers.first(name: "location") == "/compare?run=first&run=a%26b")
            let led = try await scene.send("GET", "//elsewhere.example/" + token, cookie: nil)
            #expect(led.headers.first(name: "location")?.hasPrefix("//") != true)
        }
    }

    @Test func aNameThatWasBoundToThisMachineIsRefused() async throws {
        try await Scene.open { scene async throws in
            let port = scene.origin.split(separator: ":").last ?? ""
            for host in ["evil.example", "evil.example:\(port)", "127.0.0.1", "127.0.0.1.evil.example:\(port)"] {
                #expect(try await scene.send("GET", "/", headers: ["host": host]).status == 421, "\(host)")
            }
            #expect(try await scene.send("GET", "/", headers: ["host": "localhost:\(port)"]).status == 200)
        }
    }

    @Test(
        arguments: [
            (["origin": "https://evil.example"], 403), (["origin": "null"], 403),
            (["origin": "null", "sec-fetch-site": "cross-site"], 403),
            (["origin": "null", "sec-fetch-site": "same-site"], 403),
            (["origin": "null", "sec-fetch-site": "same-origin"], 200),
        ] as [([String: String], UInt)]
    )
    func onlyOwnPagesMayPost(headers: [String: String], status: UInt) async throws {
        try await Scene.open { scene async throws in
            #expect(try await scene.send("POST", "/new", headers: headers, body: "name=x").status == status)
            #expect(try await scene.send("POST", "/new", cookie: nil, body: "name=x").status == 401)
        }
    }

    @Test func everyAnswerForbidsWhatIsNotOurs() async throws {
        try await Scene.open { scene async throws in
            try scene.run("first")
            for path in ["/", "/runs/first", "/runs/first/probes", "/new", "/nowhere", "/studio.js", "/studio.css"] {
                let answer = try await scene.get(path)
                let policy = try #require(answer.headers.first(name: "content-security-policy"))
                #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
                #expect(!policy.contains("unsafe"))
                #expect(answer.headers.first(name: "x-content-type-options") == "nosniff")
                #expect(answer.headers.first(name: "referrer-policy") == "no-referrer")
                #expect(answer.headers.first(name: "cache-control") == "no-store")
                // Nothing inline, which the policy would refuse.
                #expect(!answer.text.contains("<style") && !answer.text.contains(" style=\""))
                #expect(!answer.text.contains("<script>") && !answer.text.contains(" onclick"))
            }
            let report = try await scene.get("/runs/first/report.html")
            #expect(report.status == 200)
            let box = try #require(report.headers.first(name: "content-security-policy"))
            #expect(box.hasPrefix("sandbox allow-scripts;") && box.hasSuffix("frame-ancestors 'self'"))
            // Only the page that frames it may frame anything, and that is the studio's own.
            let framing = try await scene.get("/runs/first/report")
            let policy = try #require(framing.headers.first(name: "content-security-policy"))
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self'") && policy.hasSuffix("frame-src 'self'"))
            #expect(framing.text.contains("<iframe src=\"/runs/first/report.html\""))
            #expect(framing.text.contains("href=\"/runs/first\""))
        }
    }

    @Test func noAddressLeadsOutOfTheDirectory() async throws {
        try await Scene.open { scene async throws in
            try scene.run("first")
            let outside = scene.directory.lastPathComponent
            for name in ["..", "%2e%2e", "..%2f\(outside)", "..%2F\(outside)%2Ffirst", ".studio", "%00", "first%2F.."] {
                #expect(try await scene.get("/runs/\(name)").status == 404, "\(name)")
            }
            let probes = try await scene.get("/runs/first/probes?base=..%2F..%2Ffirst&tuned=/etc&suite=../../recipe")
            #expect(probes.status == 200)
            #expect(!probes.text.contains("seed: 1"))
        }
    }
}
