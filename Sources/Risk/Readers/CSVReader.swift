import Foundation

/// Reads comma-separated values by RFC 4180: quoted fields may hold commas, doubled quotes and line breaks.
///
/// Knows nothing about what the columns mean. Works on bytes: the separators are ASCII, so UTF-8 passes through.
struct CSVReader {
    /// One record and the line it starts on.
    struct Record {
        /// The line number, from 1.
        var line: Int
        /// The fields in order.
        var fields: [String]
    }

    private let bytes: [UInt8]
    private let file: String
    private var position = 0
    private var line = 1

    /// All records of a file's content; `file` is only used in errors.
    static func records(of data: Data, file: String) throws -> [Record] {
        var reader = CSVReader(bytes: [UInt8](data), file: file)
        if reader.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
        var records: [Record] = []
        while reader.position < reader.bytes.count {
            let record = try reader.record()
            // A blank line is no record.
            if record.fields != [""] { records.append(record) }
        }
        return records
    }

    private init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private mutating func record() throws -> Record {
        let start = line
        var fields: [String] = []
        while true {
            fields.append(try field())
            guard position < bytes.count else { break }
            let separator = bytes[position]
            position += 1
            if separator == UInt8(ascii: ",") { continue }
            if separator == UInt8(ascii: "\r"), position < bytes.count, bytes[position] == UInt8(ascii: "\n") {
                position += 1
            }
            line += 1
            break
        }
        return Record(line: start, fields: fields)
    }

    /// Reads up to the next separator and leaves the position on it.
    private mutating func field() throws -> String {
        let start = line
        var content: [UInt8] = []
        let isQuoted = position < bytes.count && bytes[position] == UInt8(ascii: "\"")
        if isQuoted { position += 1 }
        while true {
            guard position < bytes.count else {
                if isQuoted { throw broken(start, "a quoted field is never closed; add the missing quotation mark") }
                break
            }
            let byte = bytes[position]
            if isQuoted {
                position += 1
                if byte == UInt8(ascii: "\"") {
                    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
                        position += 1
                    } else {
                        try endQuotedField()
                        break
                    }
                }
                if byte == UInt8(ascii: "\n") { line += 1 }
            } else {
                if isSeparator(byte) { break }
                if byte == UInt8(ascii: "\"") {
                    throw broken(line, "a quotation mark inside an unquoted field; quote the field and double the mark")
                }
                position += 1
            }
            content.append(byte)
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw broken(start, "the text is not UTF-8; save the file as UTF-8")
        }
        return text
    }

    private func endQuotedField() throws {
        guard position < bytes.count, !isSeparator(bytes[position]) else { return }
        throw broken(line, "text after a closing quotation mark; double the marks inside a quoted field")
    }

    private func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private func broken(_ line: Int, _ reason: String) -> RiskError {
        .malformed(file: file, line: line, reason: reason)
    }
}
