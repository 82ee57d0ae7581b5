public import TemperText

/// Holds an answer back while it is written, and lets go only of what has been judged.
///
/// Text is judged in windows that overlap: a window's last `overlap` scalars stay behind until the next window, which holds
/// them too, was judged. So whatever a rail finds within `overlap` scalars leaves neither whole nor in part. Something longer
/// ends the answer as soon as one window, with the text before it, holds the whole of it; what came before may have left.
/// Where windows begin and end follows from the text alone, so it does not matter in which pieces the text arrives.
///
/// Knows nothing about connections. Lengths are counted in Unicode scalars.
public struct StreamGate: Sendable {
    /// How the text is cut.
    public struct Windows: Sendable, Hashable {
        /// How much is let go of at a time.
        public var stride: Int
        /// How much of a judged window waits for the next one.
        public var overlap: Int
        /// How much of what has left is shown to the rails again, in front of the window.
        public var lookback: Int

        /// Creates the measures of windows.
        public init(stride: Int = 200, overlap: Int = 120, lookback: Int = 200) {
            precondition(stride > 0 && overlap >= 0 && lookback >= 0, "a window lets go of at least one scalar")
            self.stride = stride
            self.overlap = overlap
            self.lookback = lookback
        }
    }

    /// The strongest action so far.
    public private(set) var action = Policy.Action.allow
    /// What each rail said of all windows together, its time summed up, in the order in which they were first asked.
    public private(set) var checks: [Guard.Check] = []
    /// Windows judged so far.
    public private(set) var judged = 0
    /// How long the rails took altogether, in milliseconds.
    public private(set) var milliseconds = 0.0
    /// Whether the answer was refused; nothing leaves any more.
    public var isRefused: Bool { action == .refuse }

    private let shield: Guard
    private let chat: Chat
    private let windows: Windows
    /// The placeholders so far; one original has one placeholder in the whole answer.
    private var redaction: Redaction
    private var decoder = UTF8Pieces()
    /// Well-formed UTF-8: what has left, as far back as it is still shown, and what waits.
    private var text: [UInt8] = []
    /// Where in `text` that begins which waits.
    private var start = 0
    private var hasLeft = false

    /// Puts a gate in front of an answer to `chat`.
    ///
    /// - Parameter redaction: the placeholders of the conversation, which go on being used.
    public init(
        _ shield: Guard,
        in chat: Chat = Chat([]),
        after redaction: Redaction = Redaction(),
        windows: Windows = Windows()
    ) {
        self.shield = shield
        self.chat = chat
        self.redaction = redaction
        self.windows = windows
    }

    /// Takes more of the answer, and returns what may leave now.
    public mutating func take(_ text: String) async -> String {
        await take(text.utf8)
    }

    /// Takes more bytes of the answer; they may end inside a character. What is no UTF-8 becomes U+FFFD before it is judged.
    public mutating func take(_ bytes: some Sequence<UInt8>) async -> String {
        guard !isRefused else { return "" }
        text += decoder.take(bytes)
        return await judgeFullWindows()
    }

    /// Ends the answer, and returns what is left of it.
    public mutating func finish() async -> String {
        guard !isRefused else { return "" }
        text += decoder.finish()
        var released = await judgeFullWindows()
        if !isRefused, start < text.count { released += await judge(upTo: text.count, isLast: true) }
        return released
    }

    // MARK: Windows

    private mutating func judgeFullWindows() async -> String {
        var released = ""
        while !isRefused, let end = position(after: windows.stride + windows.overlap, from: start), end < text.count {
            released += await judge(upTo: wordEnd(before: end), isLast: false)
        }
        return released
    }

    private mutating func judge(upTo end: Int, isLast: Bool) async -> String {
        let first = wordStart(from: position(before: windows.lookback, from: start))
        let window = Array(text[first..<end])
        var passed = String(decoding: window, as: UTF8.self)
        let passage = Passage(passed, at: .output, in: chat, sources: chat.toolTexts)
        let decision = await shield.check(passage, after: redaction)
        judged += 1
        action = max(action, decision.action)
        milliseconds += decision.checks.reduce(0) { $0 + $1.milliseconds }
        for check in decision.checks { add(check) }
        guard decision.isAllowed else { return refused(decision.text) }
        var edits = Edits()
        for check in decision.checks where check.action == .redact {
            edits.apply(check.findings, to: &passed, with: &redaction)
        }
        let limit = isLast ? window.count : position(before: windows.overlap, from: end) - first
        guard let cut = edits.cut(at: limit, after: start - first, in: window.count, isLast: isLast) else {
            action = .refuse
            return refused(shield.policy.message)
        }
        let released = edits.applied(to: window, from: start - first, to: cut)
        start = first + cut
        hasLeft = hasLeft || !released.isEmpty
        forget()
        return released
    }

    private mutating func add(_ check: Guard.Check) {
        guard let index = checks.firstIndex(where: { $0.rail == check.rail }) else { return checks.append(check) }
        checks[index].findings += check.findings
        checks[index].action = max(checks[index].action, check.action)
        checks[index].failure = checks[index].failure ?? check.failure
        checks[index].milliseconds += check.milliseconds
    }

    private mutating func refused(_ message: String) -> String {
        text = []
        start = 0
        return hasLeft ? "\n\n" + message : message
    }

    /// Drops what is not shown to the rails any more.
    private mutating func forget() {
        let first = position(before: windows.lookback + 1, from: start)
        guard first > 4096 || first > text.count / 2 else { return }
        text.removeFirst(first)
        start -= first
    }

    // MARK: Positions

    /// The position that lies so many scalars after another; nil where there are not so many.
    private func position(after count: Int, from start: Int) -> Int? {
        guard text.count - start >= count else { return nil }
        var left = count
        for position in start..<text.count where text[position] & 0xC0 != 0x80 {
            if left == 0 { return position }
            left -= 1
        }
        return left == 0 ? text.count : nil
    }

    /// The position that lies so many scalars before another, or the beginning.
    private func position(before count: Int, from end: Int) -> Int {
        var position = end
        var left = count
        while position > 0, left > 0 {
            position -= 1
            if text[position] & 0xC0 != 0x80 { left -= 1 }
        }
        return position
    }

    /// A window had better not end inside a word, which would make another word of it; it gives up to half a stride for that.
    private func wordEnd(before end: Int) -> Int {
        let least = max(start, position(before: windows.stride / 2, from: end))
        var position = end
        while position > least, !Self.isSpace(text[position - 1]) { position -= 1 }
        return position > least ? position : end
    }

    /// Nor begin inside one; it gives up to half of the look-back for that.
    private func wordStart(from first: Int) -> Int {
        guard first > 0 else { return first }
        var position = first
        while position < start, !Self.isSpace(text[position - 1]) { position += 1 }
        return position - first <= windows.lookback / 2 ? position : first
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

/// Bytes that arrive in pieces, as well-formed UTF-8; a character that is cut waits for its rest.
private struct UTF8Pieces: Sendable {
    private var rest: [UInt8] = []

    mutating func take(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        rest += bytes
        let end = rest.count - cutLength()
        let whole = Array(String(decoding: rest[..<end], as: UTF8.self).utf8)
        rest.removeFirst(end)
        return whole
    }

    mutating func finish() -> [UInt8] {
        defer { rest = [] }
        return Array(String(decoding: rest, as: UTF8.self).utf8)
    }

    /// How many bytes at the end begin a character that is longer.
    private func cutLength() -> Int {
        for back in 1...3 where back <= rest.count {
            let byte = rest[rest.count - back]
            guard byte & 0xC0 != 0x80 else { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? back : 0
        }
        return 0
    }
}

/// Replacements in a window, in the window's own offsets, also where one rail replaced what another had replaced before.
private struct Edits {
    private var list: [(range: Range<Int>, replacement: [UInt8])] = []

    /// Adds what one rail found; its ranges lie in `text`, the window as the edits before have left it.
    mutating func apply(_ findings: [Finding], to text: inout String, with redaction: inout Redaction) {
        var position = 0
        var added: [(range: Range<Int>, replacement: [UInt8])] = []
        let count = text.utf8.count
        let sorted = findings.sorted { first, second in
            let (a, b) = (first.range ?? 0..<0, second.range ?? 0..<0)
            return (a.lowerBound, -a.upperBound) < (b.lowerBound, -b.upperBound)
        }
        for finding in sorted {
            guard let range = finding.range, finding.replacement != nil, range.lowerBound >= position,
                range.upperBound <= count
            else { continue }
            position = range.upperBound
            let changed = Array(redaction.apply([finding], to: text).utf8)
            added.append(
                (original(range), Array(changed[range.lowerBound..<changed.count - (count - range.upperBound)]))
            )
        }
        text = redaction.apply(findings, to: text)
        for edit in added {
            let touched = list.filter { $0.range.overlaps(edit.range) }
            let lower = min(edit.range.lowerBound, touched.map(\.range.lowerBound).min() ?? edit.range.lowerBound)
            let upper = max(edit.range.upperBound, touched.map(\.range.upperBound).max() ?? edit.range.upperBound)
            list.removeAll { $0.range.overlaps(edit.range) }
            list.append((lower..<upper, edit.replacement))
            list.sort { $0.range.lowerBound < $1.range.lowerBound }
        }
    }

    /// A range of the edited text in the window's offsets; whatever part of a replacement it touches counts as the whole.
    private func original(_ range: Range<Int>) -> Range<Int> {
        func original(_ position: Int, isEnd: Bool) -> Int {
            var shift = 0
            for edit in list {
                let begin = edit.range.lowerBound + shift
                let end = begin + edit.replacement.count
                if position < begin || (position == begin && isEnd) { break }
                if position < end || (position == end && isEnd) {
                    return isEnd ? edit.range.upperBound : edit.range.lowerBound
                }
                shift += edit.replacement.count - edit.range.count
            }
            return position - shift
        }
        let lower = original(range.lowerBound, isEnd: false)
        return lower..<max(lower, original(range.upperBound, isEnd: true))
    }

    /// Where to stop letting go, so that nothing is cut that has to be replaced: behind it, or, where it may go on after
    /// the window, before it. Nil where that leaves nothing to let go of.
    func cut(at limit: Int, after start: Int, in count: Int, isLast: Bool) -> Int? {
        guard !isLast, let edit = list.first(where: { $0.range.lowerBound < limit && limit < $0.range.upperBound })
        else {
            // What ends with the window may go on, even where it begins behind the limit: it waits as it is.
            return max(limit, start)
        }
        if edit.range.upperBound < count { return edit.range.upperBound }
        return edit.range.lowerBound > start ? edit.range.lowerBound : nil
    }

    /// Part of the window with its replacements; of one that begins before the part, the whole replacement.
    func applied(to window: [UInt8], from start: Int, to end: Int) -> String {
        var result: [UInt8] = []
        var position = start
        for edit in list where edit.range.upperBound > start && edit.range.lowerBound < end {
            if edit.range.lowerBound > position { result += window[position..<edit.range.lowerBound] }
            result += edit.replacement
            position = max(position, min(edit.range.upperBound, window.count))
        }
        if position < end { result += window[position..<end] }
        return String(decoding: result, as: UTF8.self)
    }
}
