/// Reads personal data out of a text's bytes, in one pass and without regular expressions.
///
/// Knows nothing about rails or placeholders. No match overlaps another.
enum PersonalDataScanner {
    struct Match: Hashable {
        var kind: PersonalDataRail.Kind
        var range: Range<Int>
        var score: Double
    }

    static func matches(in bytes: [UInt8]) -> [Match] {
        var matches: [Match] = []
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            let before = position > 0 ? bytes[position - 1] : 0x20
            var found: Match?
            if byte == UInt8(ascii: "@") {
                found = email(bytes, position, from: matches.last?.range.upperBound ?? 0)
            } else if !isWord(before) {
                if isLetter(byte) { found = iban(bytes, position) }
                if found == nil, isHex(byte) || byte == UInt8(ascii: ":") { found = address6(bytes, position) }
                if found == nil, isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "(") {
                    let run = DigitRun(bytes, position)
                    found = number(run, bytes)
                    if found == nil {
                        position = max(position + 1, run.range.upperBound)
                        continue
                    }
                }
            }
            if let found {
                matches.append(found)
                position = max(position + 1, found.range.upperBound)
            } else {
                position += 1
            }
        }
        return matches
    }

    // MARK: Addresses

    private static func email(_ bytes: [UInt8], _ at: Int, from least: Int) -> Match? {
        var start = at
        while start > least, isWord(bytes[start - 1]) || ".+-%".utf8.contains(bytes[start - 1]) { start -= 1 }
        while start < at, !isWord(bytes[start]) { start += 1 }
        var end = at + 1
        var lastDot: Int?
        while end < bytes.count,
            isWord(bytes[end]) || bytes[end] == UInt8(ascii: "-") || bytes[end] == UInt8(ascii: ".")
        {
            if bytes[end] == UInt8(ascii: ".") { lastDot = end }
            end += 1
        }
        while end > at + 1, !isWord(bytes[end - 1]) {
            end -= 1
            if lastDot == end { lastDot = bytes[(at + 1)..<end].lastIndex(of: UInt8(ascii: ".")) }
        }
        guard start < at, let dot = lastDot, dot > at + 1, end - dot >= 3,
            bytes[(dot + 1)..<end].allSatisfy({ isLetter($0) || $0 >= 0x80 || $0 == UInt8(ascii: "-") })
        else { return nil }
        return Match(kind: .email, range: start..<end, score: 1)
    }

    /// IPv6 (RFC 4291): eight groups, or fewer with one `::`.
    private static func address6(_ bytes: [UInt8], _ start: Int) -> Match? {
        var end = start
        // The longest has eight groups of four: what is longer is none, and need not be read to its end.
        let most = min(bytes.count, start + 48)
        while end < most, isHex(bytes[end]) || bytes[end] == UInt8(ascii: ":") { end += 1 }
        guard end - start <= 46, end == bytes.count || !isWord(bytes[end]), end - start >= 4 else { return nil }
        while end > start + 2, bytes[end - 1] == UInt8(ascii: ":"), bytes[end - 2] != UInt8(ascii: ":") { end -= 1 }
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        let groups = text.split(separator: ":", omittingEmptySubsequences: true)
        guard groups.allSatisfy({ $0.utf8.count <= 4 }), groups.contains(where: { $0.contains(where: \.isNumber) })
        else {
            return nil
        }
        let halves = text.components(of: "::")
        let isWhole = halves == 1 && groups.count == 8 && text.utf8.count { $0 == UInt8(ascii: ":") } == 7
        let isShort = halves == 2 && (2...7).contains(groups.count) && !text.contains(":::")
        return isWhole || isShort ? Match(kind: .ip, range: start..<end, score: 1) : nil
    }

    /// An account number: two letters, two check digits, then letters and digits, perhaps in groups of four.
    private static func iban(_ bytes: [UInt8], _ start: Int) -> Match? {
        guard start + 15 <= bytes.count, isLetter(bytes[start + 1]), isDigit(bytes[start + 2]),
            isDigit(bytes[start + 3])
        else { return nil }
        var characters: [UInt8] = []
        var end = start
        while end < bytes.count, characters.count < 34 {
            let byte = bytes[end]
            if byte < 0x80, isWord(byte), byte != UInt8(ascii: "_") {
                characters.append(isLetter(byte) ? byte & 0xDF : byte)
                end += 1
            } else if byte == 0x20, characters.count % 4 == 0, end + 1 < bytes.count, isWord(bytes[end + 1]) {
                end += 1
            } else {
                break
            }
        }
        // What follows in a group of four may be the next word: the longest part with the right remainder counts.
        while characters.count >= 15 {
            let isEnd = end == bytes.count || !isWord(bytes[end])
            if isEnd, remainder97(characters) == 1, characters.count(where: isDigit) >= 8 {
                return Match(kind: .iban, range: start..<end, score: 1)
            }
            end -= 1
            if bytes[end] != 0x20 { characters.removeLast() }
        }
        return nil
    }

    private static func remainder97(_ characters: [UInt8]) -> Int {
        (characters[4...] + characters[..<4]).reduce(0) { rest, byte in
            isDigit(byte) ? (rest * 10 + Int(byte) - 48) % 97 : (rest * 100 + Int(byte) - 55) % 97
        }
    }

    // MARK: Numbers

    private static func number(_ run: DigitRun, _ bytes: [UInt8]) -> Match? {
        let end = run.range.upperBound
        guard end == bytes.count || !isWord(bytes[end]) else { return nil }
        func match(_ kind: PersonalDataRail.Kind, _ score: Double = 1) -> Match {
            Match(kind: kind, range: run.range, score: score)
        }
        let groups = run.groups.map(\.count)
        if run.separators.allSatisfy({ $0 == UInt8(ascii: ".") }), groups.count == 4, !run.hasPlus, !run.hasBrackets {
            return run.groups.allSatisfy { $0.count <= 3 && value($0) <= 255 } ? match(.ip) : nil
        }
        if (12...19).contains(run.digits.count), hasLuhn(run.digits), !run.hasPlus, !run.hasBrackets,
            Set(run.separators).count <= 1, run.separators.first.map({ $0 == 0x20 || $0 == UInt8(ascii: "-") }) ?? true,
            Set(run.digits).count > 1
        {
            return match(.card)
        }
        if groups == [3, 2, 4], Set(run.separators).count == 1, run.separators[0] != UInt8(ascii: "."),
            isSocialSecurity(run.groups), !run.hasPlus
        {
            return match(.ssn, run.separators[0] == UInt8(ascii: "-") ? 1 : 0.6)
        }
        let score = telephone(run, bytes)
        return score > 0 ? match(.phone, score) : nil
    }

    /// How sure it is that digits are a telephone number.
    private static func telephone(_ run: DigitRun, _ bytes: [UInt8]) -> Double {
        guard (7...15).contains(run.digits.count), !isDate(run) else { return 0 }
        let start = run.range.lowerBound
        let before = String(decoding: bytes[max(0, start - 40)..<start], as: UTF8.self).lowercased()
        let isAnnounced = [
            "phone", "call", "tel", "mobile", "cell", "whatsapp", "fax", "text me", "reach", "dial", "contact",
            "number is",
            "number:",
        ].contains { before.contains($0) }
        if run.hasPlus { return run.digits.count >= 8 ? 0.95 : 0 }
        let groups = run.groups.map(\.count)
        if run.hasBrackets { return 0.9 }
        if groups == [3, 3, 4] { return 0.95 }
        if run.digits.first == 0x30, run.digits.count >= 9, groups.allSatisfy({ $0 >= 2 }) {
            return groups.count > 1 ? 0.9 : isAnnounced ? 0.9 : 0.55
        }
        if groups.count == 1 { return isAnnounced ? 0.8 : run.digits.count == 10 ? 0.4 : 0 }
        // Groups of one sign, of two to four digits each: 60-56-85-91, 78 651 450, 467 3395.
        let isEven = Set(run.separators).count == 1 && groups.allSatisfy { (2...5).contains($0) }
        if isAnnounced { return 0.85 }
        return isEven && run.separators[0] == UInt8(ascii: "-") && groups.count >= 3 ? 0.6 : 0.3
    }

    /// 2000-04-16, 16.04.2000, 1999 2000: a date or years.
    private static func isDate(_ run: DigitRun) -> Bool {
        let groups = run.groups.map(\.count)
        if groups.count <= 3, groups.first == 4 || groups.last == 4,
            groups.filter({ $0 <= 2 }).count == groups.count - 1
        {
            return true
        }
        return groups.allSatisfy { $0 == 4 } && run.groups.allSatisfy { (1000...2100).contains(value($0)) }
            || run.separators.allSatisfy { $0 == UInt8(ascii: ".") } && groups.dropFirst().allSatisfy { $0 == 3 }
                && groups.count > 1 && groups[0] < 3
    }

    static func hasLuhn(_ digits: [UInt8]) -> Bool {
        var sum = 0
        for (place, digit) in digits.reversed().enumerated() {
            let value = Int(digit) - 48
            sum += place % 2 == 0 ? value : value < 5 ? 2 * value : 2 * value - 9
        }
        return sum % 10 == 0
    }

    private static func isSocialSecurity(_ groups: [ArraySlice<UInt8>]) -> Bool {
        let area = value(groups[0])
        return area != 0 && area != 666 && area < 900 && value(groups[1]) != 0 && value(groups[2]) != 0
    }

    private static func value(_ digits: ArraySlice<UInt8>) -> Int {
        digits.reduce(0) { min(1 << 40, $0 * 10 + Int($1) - 48) }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || byte >= 0x80 || byte == 0x5F }
    private static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
}

/// Digits in groups, with single signs between them.
private struct DigitRun {
    var range: Range<Int>
    var digits: [UInt8] = []
    var groups: [ArraySlice<UInt8>] = []
    var separators: [UInt8] = []
    var hasPlus = false
    var hasBrackets = false

    init(_ bytes: [UInt8], _ start: Int) {
        range = start..<start
        var position = start
        if bytes[position] == UInt8(ascii: "+") {
            hasPlus = true
            position += 1
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: "(") { position += 1 }
        let open = position > start && bytes[position - 1] == UInt8(ascii: "(")
        var end = start
        while position < bytes.count, PersonalDataScanner.isDigit(bytes[position]) {
            let from = position
            while position < bytes.count, PersonalDataScanner.isDigit(bytes[position]) { position += 1 }
            groups.append(bytes[from..<position])
            digits += bytes[from..<position]
            end = position
            guard digits.count < 40, position < bytes.count else { break }
            var separator: UInt8?
            if bytes[position] == UInt8(ascii: ")"), open, !hasBrackets {
                hasBrackets = true
                separator = bytes[position]
                position += 1
                if position < bytes.count, bytes[position] == 0x20 || bytes[position] == UInt8(ascii: "-") {
                    position += 1
                }
            } else if " -./".utf8.contains(bytes[position]) {
                separator = bytes[position]
                position += 1
                if position < bytes.count, bytes[position] == UInt8(ascii: "("), separator == 0x20 { position += 1 }
            }
            guard let separator, position < bytes.count, PersonalDataScanner.isDigit(bytes[position]) else { break }
            separators.append(separator)
        }
        // An opening bracket that does not close inside the number belongs to the sentence.
        let first = open && !hasBrackets && !hasPlus ? start + 1 : start
        range = first..<max(first, end)
    }
}

extension String {
    /// How many parts a separator makes.
    fileprivate func components(of separator: String) -> Int {
        var count = 1
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
