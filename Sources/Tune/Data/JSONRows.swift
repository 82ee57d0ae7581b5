import Foundation

/// The rows of a JSON Lines file or of a JSON array, one at a time, each with the line it begins on.
///
/// Cuts the bytes first and parses each row alone, so that an error names its line whichever way the file is written.
/// Accepts a byte order mark, CRLF and blank lines. Knows nothing about what a row means. Grammar: RFC 8259.
struct JSONRows {
    static let longestRow = 10 * 1024 * 1024

    let file: String
    let data: Data
    var limit = longestRow

    /// What people have data in that is no JSON, by how such files begin.
    private static let others: [(beginning: [UInt8], reason: String)] = [
        ([0xFF, 0xFE], "the text is UTF-16; save it as UTF-8"), ([0xFE, 0xFF], "the text is UTF-16; save it as UTF-8"),
        (Array("PAR1".utf8), "it is a Parquet file; \(DatasetError.asJSONLines)"),
        (Array("ARROW1".utf8), "it is an Arrow file; \(DatasetError.asJSONLines)"),
        ([0x1F, 0x8B], "it is compressed with gzip; unpack it"),
        ([0x28, 0xB5, 0x2F, 0xFD], "it is compressed with zstd; unpack it"),
        (
            Array("PK\u{3}\u{4}".utf8),
            "it is a ZIP archive; unpack it, or if it is a spreadsheet, \(DatasetError.asJSONLines)"
        ),
    ]

    /// Calls `body` with every row that is an object; anything else throws.
    func forEach(_ body: (_ line: Int, _ row: [String: Any]) throws -> Void) throws {
        try data.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) in
            var start = 0
            if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
            if let other = Self.others.first(where: { buffer.starts(with: $0.beginning) }) {
                throw DatasetError(file: file, .unreadable(other.reason))
            }
            let first = buffer[start...].first { !Self.isSpace($0) }
            if first == UInt8(ascii: "[") {
                try elements(of: buffer, from: start, body)
            } else {
                try lines(of: buffer, from: start, body)
            }
        }
    }

    private func lines(
        of buffer: UnsafeRawBufferPointer,
        from start: Int,
        _ body: (Int, [String: Any]) throws -> Void
    ) throws {
        var line = 1
        var position = start
        while position < buffer.count {
            let end = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) ?? buffer.count
            if buffer[position..<end].contains(where: { !Self.isSpace($0) }) {
                try body(line, try object(buffer[position..<end], line: line))
            }
            position = end + 1
            line += 1
        }
    }

    private func elements(
        of buffer: UnsafeRawBufferPointer,
        from start: Int,
        _ body: (Int, [String: Any]) throws -> Void
    ) throws {
        var line = 1
        var depth = 0
        var inString = false
        var isEscaped = false
        var isClosed = false
        var afterComma = false
        var element: (start: Int, line: Int)?

        func finish(at end: Int) throws {
            guard let found = element else {
                throw DatasetError(file: file, line: line, .brokenJSON("a value is missing before a ',' or ']'"))
            }
            element = nil
            try body(found.line, try object(buffer[found.start..<end], line: found.line))
        }

        for position in start..<buffer.count {
            let byte = buffer[position]
            if byte == UInt8(ascii: "\n") { line += 1 }
            if inString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            if Self.isSpace(byte) { continue }
            guard !isClosed else {
                throw DatasetError(file: file, line: line, .brokenJSON("text after the array's end"))
            }
            if depth == 1, byte == UInt8(ascii: ",") {
                try finish(at: position)
                afterComma = true
                continue
            }
            if depth == 1, byte == UInt8(ascii: "]") {
                if element != nil || afterComma { try finish(at: position) }
                isClosed = true
                continue
            }
            if depth >= 1, element == nil {
                element = (position, line)
                afterComma = false
            }
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "\""): inString = true
            default: break
            }
            guard depth >= 1 else {
                throw DatasetError(file: file, line: line, .brokenJSON("a bracket closes nothing"))
            }
        }
        guard isClosed else {
            throw DatasetError(file: file, line: element?.line ?? line, .brokenJSON("the array never ends"))
        }
    }

    private func object(_ bytes: Slice<UnsafeRawBufferPointer>, line: Int) throws -> [String: Any] {
        guard bytes.count <= limit else {
            throw DatasetError(file: file, line: line, .lineTooLong(bytes: bytes.count, limit: limit))
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw DatasetError(file: file, line: line, .brokenJSON("the bytes are not UTF-8"))
        }
        let value: Any
        do {
            value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        } catch {
            let details = (error as NSError).userInfo["NSDebugDescription"] as? String
            throw DatasetError(file: file, line: line, .brokenJSON(details ?? "it cannot be parsed"))
        }
        guard let object = value as? [String: Any] else {
            throw DatasetError(file: file, line: line, .brokenJSON("a row must be an object, found \(kind(of: value))"))
        }
        return object
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
    }
}

/// What a JSON value is, in words.
func kind(of value: Any?) -> String {
    switch value {
    case nil: "nothing"
    case is NSNull: "null"
    case is String: "text"
    case is [Any]: "a list"
    case is [String: Any]: "an object"
    case let number as NSNumber: "\(number)"
    default: "something else"
    }
}
