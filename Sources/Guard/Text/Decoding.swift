import Foundation
import TemperRisk

/// Reads texts that are written in another coding.
///
/// Knows nothing about rails. A decoded text is kept only where it looks like one: printable, with spaces and vowels.
enum Decoding {
    struct Decoded: Hashable {
        var coding: String
        var text: String
        /// Where it stands, where it is a part of the whole.
        var range: Range<Int>?
    }

    /// Every reading of a text in another coding.
    static func all(of text: String) -> [Decoded] {
        let bytes = Array(text.utf8.prefix(1 << 16))
        var result: [Decoded] = []
        var position = 0
        while position < bytes.count {
            guard isCode(bytes[position]) else {
                position += 1
                continue
            }
            var end = position
            while end < bytes.count, isCode(bytes[end]) { end += 1 }
            if end - position >= 12 { result += token(bytes[position..<end]) }
            position = end
        }
        result += hexadecimalGroups(bytes)
        let plain = TextNormaliser.plain(text)
        if let read = percent(bytes) {
            result.append(Decoded(coding: "percent-encoded", text: read.replacing("+", with: " ")))
        }
        // A word on how to read it often stands before what is encoded, so that lines are read one by one as well.
        let lines = plain.split(whereSeparator: \.isNewline).map(String.init)
        for part in lines.count > 1 ? [plain] + lines.prefix(64) : [plain] { result += readings(of: part) }
        return result
    }

    /// Readings of a text as a whole.
    private static func readings(of plain: String) -> [Decoded] {
        var result: [Decoded] = []
        if let read = morse(plain) { result.append(Decoded(coding: "Morse code", text: read)) }
        let own = englishness(plain)
        let reversed = String(plain.reversed())
        if englishness(reversed) >= max(0.15, own + 0.1) { result.append(Decoded(coding: "reversed", text: reversed)) }
        // Of 25 rotations one may look a little like English by chance.
        if own < 0.25 {
            let rotations = (1..<26).map { (shift: $0, share: englishness(rotated(plain, by: UInt8($0)))) }
            if let best = rotations.max(by: { $0.share < $1.share }), best.share >= max(0.2, own + 0.2) {
                let text = rotated(plain, by: UInt8(best.shift))
                result.append(Decoded(coding: "rotated by \(26 - best.shift)", text: text))
            }
        }
        if let read = TextNormaliser.unleeted(plain) { result.append(Decoded(coding: "disguised", text: read)) }
        return result
    }

    private static func isCode(_ byte: UInt8) -> Bool {
        PersonalDataScanner.isDigit(byte) || PersonalDataScanner.isLetter(byte) || "+/=_-".utf8.contains(byte)
    }

    private static func token(_ bytes: ArraySlice<UInt8>) -> [Decoded] {
        let text = String(decoding: bytes, as: UTF8.self)
        if text.utf8.allSatisfy({ isHexadecimal($0) }), let read = readable(hexadecimal(Array(bytes))) {
            return [Decoded(coding: "hexadecimal", text: read, range: bytes.indices)]
        }
        if let read = base64(bytes) { return [Decoded(coding: "base64", text: read, range: bytes.indices)] }
        // `q=...`, or one text behind another: an equals sign may end one, and may stand before one.
        return bytes.split(separator: UInt8(ascii: "=")).compactMap { part in
            guard part.count >= 12, part.count < bytes.count else { return nil }
            return base64(part).map { Decoded(coding: "base64", text: $0, range: part.indices) }
        }
    }

    /// A run of base64's signs, or its alphabet for addresses; up to three that do not belong to it may stand before.
    private static func base64(_ bytes: ArraySlice<UInt8>) -> String? {
        let signs = bytes.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        for start in 0..<min(4, signs.count) {
            var base = signs.dropFirst(start)
            // One sign alone at the end holds no whole byte.
            if base.count % 4 == 1 { base = base.dropLast() }
            base += Array(repeating: UInt8(ascii: "="), count: (4 - base.count % 4) % 4)
            if let data = Data(base64Encoded: Data(base)), let read = readable([UInt8](data)) { return read }
        }
        return nil
    }

    /// A text with three percent codes or more, read as a browser does: a percent sign that begins no code stands for
    /// itself.
    private static func percent(_ bytes: [UInt8]) -> String? {
        var read: [UInt8] = []
        var (position, count) = (0, 0)
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "%"), position + 2 < bytes.count, isHexadecimal(bytes[position + 1]),
                isHexadecimal(bytes[position + 2])
            {
                read += hexadecimal([bytes[position + 1], bytes[position + 2]])
                (position, count) = (position + 3, count + 1)
            } else {
                read.append(bytes[position])
                position += 1
            }
        }
        return count >= 3 ? String(decoding: read, as: UTF8.self) : nil
    }

    /// `48 65 6c`, `\x48\x65`, `0x48, 0x65`: pairs of digits with signs between.
    private static func hexadecimalGroups(_ bytes: [UInt8]) -> [Decoded] {
        var result: [Decoded] = []
        var position = 0
        var values: [UInt8] = []
        var start = 0
        func close(_ end: Int) {
            if values.count >= 8, let read = readable(values) {
                result.append(Decoded(coding: "hexadecimal", text: read, range: start..<end))
            }
            values = []
        }
        while position < bytes.count {
            var next = position
            while next < bytes.count, " ,\\:\n".utf8.contains(bytes[next]), next - position < 3 { next += 1 }
            if next + 1 < bytes.count, bytes[next] == 0x30 || next > position, bytes[next] | 0x20 == UInt8(ascii: "x") {
                next += 1
            } else if next + 2 < bytes.count, bytes[next] == 0x30, bytes[next + 1] | 0x20 == UInt8(ascii: "x") {
                next += 2
            }
            let isPair =
                next + 1 < bytes.count && isHexadecimal(bytes[next]) && isHexadecimal(bytes[next + 1])
                && (next + 2 == bytes.count || !PersonalDataScanner.isWord(bytes[next + 2]))
            let isSeparate = next > position || position == 0 || !PersonalDataScanner.isWord(bytes[position - 1])
            if isPair, isSeparate {
                if values.isEmpty { start = next }
                values += hexadecimal([bytes[next], bytes[next + 1]])
                position = next + 2
            } else {
                close(position)
                position += 1
            }
        }
        close(bytes.count)
        return result
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        PersonalDataScanner.isDigit(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        func value(_ byte: UInt8) -> UInt8 { byte < 0x40 ? byte - 0x30 : (byte | 0x20) - 0x57 }
        return stride(from: 0, to: bytes.count - 1, by: 2).map { value(bytes[$0]) << 4 | value(bytes[$0 + 1]) }
    }

    /// The bytes as text, where nearly all of it is printable and has vowels.
    private static func readable(_ bytes: [UInt8]) -> String? {
        guard bytes.count >= 8, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let printable = bytes.count { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A || $0 == 0x09 }
        let vowels = bytes.count { "aeiou".utf8.contains($0 | 0x20) }
        let letters = bytes.count { PersonalDataScanner.isLetter($0) || $0 == 0x20 }
        guard printable * 20 >= bytes.count * 19, vowels * 8 >= bytes.count, letters * 10 >= bytes.count * 7 else {
            return nil
        }
        return text
    }

    static func rotated(_ text: String, by shift: UInt8) -> String {
        String(
            decoding: text.utf8.map { byte in
                guard PersonalDataScanner.isLetter(byte) else { return byte }
                let base: UInt8 = byte < 0x61 ? 0x41 : 0x61
                return (byte - base + shift) % 26 + base
            },
            as: UTF8.self
        )
    }

    /// The share of words that are among the commonest of English.
    static func englishness(_ text: String) -> Double {
        let words = text.lowercased().split { !$0.isLetter }
        guard words.count >= 3 else { return 0 }
        return Double(words.count { ContentWords.functionWords.contains(String($0)) }) / Double(words.count)
    }

    private static func morse(_ text: String) -> String? {
        let groups = text.split(whereSeparator: \.isWhitespace)
        let codes = groups.map { $0.replacing("\u{00B7}", with: ".").replacing("\u{2212}", with: "-") }
        guard codes.count(where: { $0.allSatisfy { ".-".contains($0) } }) >= 10 else { return nil }
        return codes.map { code in code == "/" || code == "|" ? " " : letters[String(code)].map { String($0) } ?? " " }
            .joined()
    }

    private static let letters: [String: Character] = {
        let codes =
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
            + "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
        return Dictionary(
            uniqueKeysWithValues: zip(
                codes.split(separator: " ").map(String.init),
                "abcdefghijklmnopqrstuvwxyz0123456789"
            )
        )
    }()
}
