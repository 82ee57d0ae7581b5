/// Turns the texts of tokens back into the text they came from.
///
/// Each step is one of Hugging Face's decoders; they work on the list of tokens, because some look at the first token or
/// at neighbours. Byte-level vocabularies need none: their tokens are bytes already. Knows nothing about ids.
struct TokenDecoder: Sendable {
    /// One change to the list of tokens.
    enum Step: Sendable {
        case replace([UInt8], with: [UInt8])
        /// Tokens such as `<0x0A>` become the bytes they name; a run that is not UTF-8 becomes a U+FFFD per byte.
        case byteFallback
        /// All tokens become one.
        case fuse
        /// Takes up to `start` of a character off the front of each token, and up to `stop` off its end.
        case strip([UInt8], start: Int, stop: Int)
        /// The sign for a space becomes a space, or nothing in the first token.
        case metaspace([UInt8], dropsFirst: Bool)
        /// Spaces between words; pieces that go on a word carry a prefix.
        case wordPiece(prefix: [UInt8], cleansUp: Bool)
        /// A space between tokens.
        case joined
    }

    /// The changes, in order.
    let steps: [Step]

    /// The bytes that some tokens stand for together.
    func decode(_ tokens: [[UInt8]]) -> [UInt8] {
        Array(steps.reduce(tokens) { Self.apply($1, to: $0) }.joined())
    }

    /// The bytes that one token stands for inside a text.
    func bytes(of token: [UInt8]) -> [UInt8] {
        steps.reduce(token) { token, step in
            switch step {
            case .replace(let pattern, let new): Self.replace(pattern, with: new, in: token)
            case .metaspace(let sign, _): Self.replace(sign, with: [0x20], in: token)
            case .byteFallback: Self.byte(of: token).map { [$0] } ?? token
            case .wordPiece(let prefix, _): token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : token
            case .fuse, .strip, .joined: token
            }
        }
    }

    /// The byte that a token such as `<0x0A>` names.
    static func byte(of token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        guard token[3] != UInt8(ascii: "+"), token[3] != UInt8(ascii: "-") else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }

    private static func apply(_ step: Step, to tokens: [[UInt8]]) -> [[UInt8]] {
        switch step {
        case .replace(let pattern, let new): tokens.map { replace(pattern, with: new, in: $0) }
        case .byteFallback: fallBack(tokens)
        case .fuse: [Array(tokens.joined())]
        case .strip(let sign, let start, let stop): tokens.map { strip(sign, start: start, stop: stop, in: $0) }
        case .metaspace(let sign, let dropsFirst):
            tokens.enumerated().map { index, token in
                replace(sign, with: index == 0 && dropsFirst ? [] : [0x20], in: token)
            }
        case .wordPiece(let prefix, let cleansUp):
            tokens.enumerated().map { index, token in
                var token = token
                if index > 0 {
                    token = token.starts(with: prefix) ? Array(token.dropFirst(prefix.count)) : [0x20] + token
                }
                return cleansUp ? cleanUp(token) : token
            }
        case .joined: [Array(tokens.joined(separator: [0x20]))]
        }
    }

    private static func fallBack(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var run: [UInt8] = []
        func endRun() {
            guard !run.isEmpty else { return }
            if String(validating: run, as: UTF8.self) != nil {
                result.append(run)
            } else {
                result.append(contentsOf: repeatElement(Array("\u{FFFD}".utf8), count: run.count))
            }
            run = []
        }
        for token in tokens {
            if let byte = byte(of: token) {
                run.append(byte)
            } else {
                endRun()
                result.append(token)
            }
        }
        endRun()
        return result
    }

    private static func replace(_ pattern: [UInt8], with new: [UInt8], in token: [UInt8]) -> [UInt8] {
        guard let head = pattern.first, token.contains(head) else { return token }
        var result: [UInt8] = []
        var index = 0
        while index < token.count {
            if token[index] == head, token[index...].starts(with: pattern) {
                result.append(contentsOf: new)
                index += pattern.count
            } else {
                result.append(token[index])
                index += 1
            }
        }
        return result
    }

    private static func strip(_ sign: [UInt8], start: Int, stop: Int, in token: [UInt8]) -> [UInt8] {
        var token = token[...]
        for _ in 0..<start where token.starts(with: sign) { token = token.dropFirst(sign.count) }
        for _ in 0..<stop where token.count >= sign.count && token.suffix(sign.count).elementsEqual(sign) {
            token = token.dropLast(sign.count)
        }
        return Array(token)
    }

    /// Takes out the spaces that splitting put before punctuation and English contractions.
    private static func cleanUp(_ token: [UInt8]) -> [UInt8] {
        let rules = [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
            (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ]
        return rules.reduce(token) { replace(Array($1.0.utf8), with: Array($1.1.utf8), in: $0) }
    }
}
