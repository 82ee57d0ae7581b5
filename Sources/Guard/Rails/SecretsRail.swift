/// Finds keys, tokens and passwords by their form.
///
/// Knows nothing about whether they still open anything. The forms are those that services publish so that leaked keys can
/// be found; a value that is only called a secret counts less.
public struct SecretsRail: Rail {
    /// Creates the rail.
    public init() {}

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "secrets",
            looksFor: "keys and tokens of known services, signed web tokens, private keys, assigned passwords",
            labels: ["key", "token", "private-key", "assigned"],
            limits: [
                "A key of a form that is not listed is found only where it stands behind a word such as `password=`.",
                "An example key in documentation has the same form and is found too.",
            ]
        )
    }

    /// Every secret, with its place.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let bytes = Array(passage.text.utf8)
        var findings = Self.privateKeys(passage.text)
        var position = 0
        while position < bytes.count {
            let isStart = position == 0 || !Self.isToken(bytes[position - 1])
            guard isStart, Self.isToken(bytes[position]) else {
                position += 1
                continue
            }
            var end = position
            while end < bytes.count, Self.isToken(bytes[end]) || bytes[end] == UInt8(ascii: ".") { end += 1 }
            while end > position, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
            let token = bytes[position..<end]
            if let found = Self.known(token) {
                findings.append(Self.finding(found, 1, position..<end))
            } else if Self.isAssigned(bytes, position), Self.looksRandom(token) {
                findings.append(Self.finding("assigned", 0.7, position..<end))
            }
            position = max(end, position + 1)
        }
        return findings
    }

    private static func finding(_ label: String, _ score: Double, _ range: Range<Int>) -> Finding {
        Finding(label, score: score, range: range, replacement: "SECRET", isReversible: true)
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        PersonalDataScanner.isDigit(byte) || PersonalDataScanner.isLetter(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-")
    }

    /// A key's beginning, how many characters come after it, and what it is.
    private static let forms: [(prefix: String, rest: ClosedRange<Int>, label: String)] = [
        ("AKIA", 16...16, "key"), ("ASIA", 16...16, "key"), ("AIza", 35...35, "key"), ("sk-", 20...220, "key"),
        ("sk_live_", 16...120, "key"), ("rk_live_", 16...120, "key"), ("SG.", 40...80, "key"), ("key-", 32...32, "key"),
        ("ghp_", 36...40, "token"), ("gho_", 36...40, "token"), ("ghu_", 36...40, "token"), ("ghs_", 36...40, "token"),
        ("ghr_", 36...80, "token"), ("github_pat_", 40...120, "token"), ("glpat-", 20...60, "token"),
        ("xoxb-", 20...120, "token"), ("xoxp-", 20...120, "token"), ("xoxa-", 20...120, "token"),
        ("xoxs-", 20...120, "token"), ("npm_", 36...36, "token"), ("hf_", 30...40, "token"),
        ("pypi-", 50...250, "token"),
        ("dop_v1_", 60...70, "token"),
    ]

    private static func known(_ token: ArraySlice<UInt8>) -> String? {
        for form in forms where token.starts(with: form.prefix.utf8) {
            let rest = token.dropFirst(form.prefix.utf8.count)
            let isDense = form.prefix == "SG." || !rest.contains(UInt8(ascii: "."))
            let isMixed = rest.contains(where: PersonalDataScanner.isDigit) || rest.count >= 30
            if form.rest.contains(rest.count), isDense, isMixed { return form.label }
        }
        // A signed web token (RFC 7519): three parts, the first two of which are base64 of an object.
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isJSON = parts.count == 3 && parts[0].starts(with: "eyJ".utf8) && parts[1].starts(with: "eyJ".utf8)
        return isJSON && token.count >= 40 ? "token" : nil
    }

    /// From the first line of a private key (RFC 7468) to its last, or to the end of the text.
    private static func privateKeys(_ text: String) -> [Finding] {
        var findings: [Finding] = []
        var rest = text[...]
        while let begin = rest.firstRange(of: "-----BEGIN ") {
            let head = rest[begin.upperBound...].prefix(40)
            guard let title = head.firstRange(of: "PRIVATE KEY") else {
                rest = rest[begin.upperBound...]
                continue
            }
            var end = text.endIndex
            if let close = rest[title.upperBound...].firstRange(of: "-----END ") {
                let line = rest[close.upperBound...].prefix(60)
                end = line.firstRange(of: "-----")?.upperBound ?? close.upperBound
            }
            let start = text.utf8.distance(from: text.startIndex, to: begin.lowerBound)
            let length = text.utf8.distance(from: begin.lowerBound, to: end)
            findings.append(finding("private-key", 1, start..<start + length))
            rest = text[end...]
        }
        return findings
    }

    private static let words = [
        "password", "passwd", "pwd", "secret", "api_key", "apikey", "api-key", "access_key", "token", "auth",
        "private_key", "client_secret", "credential", "bearer",
    ]

    /// Whether a value stands behind `password =`, `"api_key": "` or `Bearer `.
    private static func isAssigned(_ bytes: [UInt8], _ start: Int) -> Bool {
        let before = String(decoding: bytes[max(0, start - 32)..<start], as: UTF8.self).lowercased()
        let name = before.trimmingSuffix { " =:\"'`>".contains($0) }
        let signs = before.dropFirst(name.count)
        guard signs.contains("=") || signs.contains(":") || name.hasSuffix("bearer") else { return false }
        return words.contains { name.hasSuffix($0) }
    }

    /// Letters and digits, or both cases inside, and no word of a language.
    private static func looksRandom(_ token: ArraySlice<UInt8>) -> Bool {
        guard token.count >= 8 else { return false }
        let digits = token.count(where: PersonalDataScanner.isDigit)
        let capitals = token.dropFirst().count { (0x41...0x5A).contains($0) }
        return digits > 0 && digits < token.count || capitals > 1 && capitals < token.count - 1
    }
}

extension String {
    fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, isTrimmed(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
