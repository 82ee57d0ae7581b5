import Foundation
import TemperText
import Testing

@testable import TemperGuard

/// Forms of personal data and secrets, and what only looks like them.
@Suite struct PersonalDataTests {
    private func matches(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return PersonalDataScanner.matches(in: bytes).filter { $0.score >= 0.5 }.map { match in
            "\(match.kind.label) \(String(decoding: bytes[match.range], as: UTF8.self))"
        }
    }

    @Test(arguments: [
        ("Write to anna.berg+news@mail.example.org.", ["e-mail anna.berg+news@mail.example.org"]),
        ("my card is 4111 1111 1111 1111, thanks", ["card 4111 1111 1111 1111"]),
        ("IBAN DE89 3704 0044 0532 0130 00 please", ["iban DE89 3704 0044 0532 0130 00"]),
        ("gb82west12345698765432", ["iban gb82west12345698765432"]),
        ("SSN 078-05-1120", ["ssn 078-05-1120"]),
        ("from 192.168.0.17 to 10.0.0.1", ["ip 192.168.0.17", "ip 10.0.0.1"]),
        ("host 2001:db8::8a2e:370:7334 is down", ["ip 2001:db8::8a2e:370:7334"]),
        ("call +49 30 901820 or (030) 90-18", ["phone +49 30 901820", "phone (030) 90-18"]),
        ("ring 555-867-5309 now", ["phone 555-867-5309"]),
    ])
    func forms(_ text: String, _ expected: [String]) { #expect(matches(text) == expected) }

    @Test(arguments: [
        "The war lasted from 1939 to 1945 and cost 1,000,000 lives.", "on 2024-03-17 at 12:30:45", "version 1.2.3",
        "4111 1111 1111 1112", "DE89 3704 0044 0532 0130 02", "std::vector and a::b", "300.1.2.3",
        "@home we say hello", "17.04.2020", "a ratio of 3:2", "1 2 3 4 5 6 7 8 9 10",
    ])
    func whatOnlyLooksLikeIt(_ text: String) { #expect(matches(text).isEmpty, "\(matches(text))") }

    /// Luhn's check digit of 7992739871 is 3; the other nine are wrong.
    @Test func checkDigits() {
        for digit in 0...9 {
            #expect(PersonalDataScanner.hasLuhn(Array("7992739871\(digit)".utf8)) == (digit == 3))
        }
    }

    @Test func secretsAreFound() async throws {
        let rail = SecretsRail()
        // Put together here, so that no file holds anything of a key's form.
        let letters = String(repeating: "aB3", count: 12)
        for (text, label) in [
            ("AKIA" + "IOSFODNN7" + "EXAMPLE", "key"), ("ghp_" + letters, "token"),
            ("use sk-" + letters + " here", "key"),
            ("eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + "." + letters, "token"),
            ("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----", "private-key"),
            ("password = \"hunter2hunter\"", "assigned"), ("Authorization: Bearer " + letters, "assigned"),
        ] { #expect(try await rail.labels(text) == [label], "\(label)") }
        for text in [
            "The password is the key to safety.", "password: please enter it below", "sk-learn is a library",
            "-----BEGIN CERTIFICATE-----", "a token of thanks", "-----BEGIN PUBLIC KEY-----",
        ] { #expect(try await rail.labels(text).isEmpty, "\(text)") }
    }

    @Test func whatIsReplacedCanBeRestored() async throws {
        let text = "Mail ann@example.org and bob@example.org, then ann@example.org again. Not <EMAIL_0>."
        var redaction = Redaction()
        let findings = try await PersonalDataRail().findings(in: Passage(text, at: .input))
        let redacted = redaction.apply(findings, to: text)
        #expect(redacted == "Mail <EMAIL_1> and <EMAIL_2>, then <EMAIL_1> again. Not <EMAIL_0>.")
        #expect(redaction.restore(redacted) == text)
        #expect(redaction.restore("a < b <EMAIL_2>> <EMAIL_9>") == "a < b bob@example.org> <EMAIL_9>")
    }

    @Test func aModelSeesPlaceholdersAndItsReaderTheOriginals() async throws {
        struct Echo: Responder {
            func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
                chats.map { chat in
                    let heard = chat.messages.map(\.content).joined(separator: " | ")
                    return Completion(text: "[\(heard)]", tokenCount: 1, finishReason: .stop)
                }
            }
        }
        let policy = Policy(name: "p", rules: [.init("personal-data", .redact, stages: [.input])])
        let chat = Chat([
            Message(.user, "I am ann@example.org"), Message(.assistant, "Hello"),
            Message(.user, "ann@example.org, 10.1.2.3"),
        ])
        let shield = try Guard(policy)
        let answer = try await GuardedResponder(Echo(), shield).respond(to: [chat], options: SamplingOptions())
        #expect(answer[0].text == "[I am ann@example.org | Hello | ann@example.org, 10.1.2.3]")
        let decision = await shield.check(Passage("ann@example.org", at: .input))
        #expect(decision.text == "<EMAIL_0>" && decision.redaction.originals == ["<EMAIL_0>": "ann@example.org"])
        // The originals are in no record.
        let record = String(decoding: try JSONEncoder().encode(decision), as: UTF8.self)
        #expect(!record.contains("ann@"))
    }
}
