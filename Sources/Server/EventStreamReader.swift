import TemperText

/// Reads server-sent events out of bytes that arrive in pieces: the JSON of each `data:` line.
///
/// Knows nothing about connections. Strict where a guard has to be: a line that is too long or no JSON is an error, because
/// what cannot be read cannot be checked.
struct EventStreamReader: Sendable {
    enum Event: Sendable {
        case data(TemplateValue)
        /// `data: [DONE]`
        case done
    }

    struct Malformed: Error {
        var reason: String
    }

    private let longestEvent: Int
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var lastWasReturn = false
    private var isAtStart = true

    init(longestEvent: Int) {
        self.longestEvent = longestEvent
    }

    /// The events that end in these bytes.
    mutating func take(_ bytes: some Sequence<UInt8>) throws -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            // CR LF is one line end.
            if byte == 0x0A, lastWasReturn {
                lastWasReturn = false
                continue
            }
            lastWasReturn = byte == 0x0D
            if byte == 0x0A || byte == 0x0D {
                if let event = try endLine() { events.append(event) }
            } else {
                line.append(byte)
                guard line.count + data.count <= longestEvent else { throw Malformed(reason: "an event is too long") }
            }
        }
        return events
    }

    /// Whether bytes are left that belong to no event.
    var hasRest: Bool { !line.isEmpty || hasData }

    private mutating func endLine() throws -> Event? {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty { return try endEvent() }
        guard line.first != UInt8(ascii: ":") else { return nil }
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        var value = line.dropFirst(name.count + 1)
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: name, as: UTF8.self) {
        case "data":
            if hasData { data.append(0x0A) }
            data += value
            hasData = true
        case "event", "id", "retry": break
        default: throw Malformed(reason: "a line is no server-sent event")
        }
        return nil
    }

    private mutating func endEvent() throws -> Event? {
        guard hasData else { return nil }
        defer {
            data.removeAll(keepingCapacity: true)
            hasData = false
        }
        if data.elementsEqual("[DONE]".utf8) { return .done }
        guard let value = try? TemplateValue(json: data) else { throw Malformed(reason: "an event is no JSON") }
        return .data(value)
    }
}
