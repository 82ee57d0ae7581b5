import Foundation

/// Reads rows of named values from a CSV or JSONL file.
///
/// Knows nothing about suites. Every row remembers its line, so that an error can name it.
struct ProbeTable {
    /// One row: its line and its values as text.
    struct Row {
        /// The line number, from 1.
        var line: Int
        /// The values; lists are kept apart.
        var values: [String: String]
        /// The values that are lists of texts.
        var lists: [String: [String]] = [:]
    }

    /// The file's name, for errors.
    let file: String
    /// The rows in order.
    let rows: [Row]
    /// The columns of a CSV, or every key that a JSONL row has.
    let columns: Set<String>

    /// Reads a file; the ending `.csv` means CSV, `.jsonl` and `.ndjson` mean JSON lines.
    init(contentsOf url: URL) throws {
        let file = url.path
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw RiskError.unreadable(file: file, reason: error.localizedDescription)
        }
        switch url.pathExtension.lowercased() {
        case "csv": try self.init(csv: data, file: file)
        case "jsonl", "ndjson": try self.init(jsonLines: data, file: file)
        default:
            throw RiskError.unknownFormat(
                file: file,
                reason: "the name ends neither in .csv nor in .jsonl; rename it to say which it is"
            )
        }
    }

    private init(csv data: Data, file: String) throws {
        let records = try CSVReader.records(of: data, file: file)
        guard let header = records.first else {
            throw RiskError.malformed(file: file, line: 1, reason: "the file is empty; it needs a header line")
        }
        guard Set(header.fields).count == header.fields.count else {
            throw RiskError.malformed(file: file, line: 1, reason: "two columns have the same name")
        }
        self.file = file
        columns = Set(header.fields)
        rows = try records.dropFirst().map { record in
            guard record.fields.count == header.fields.count else {
                throw RiskError.malformed(
                    file: file,
                    line: record.line,
                    reason: "\(record.fields.count) fields, but the header names \(header.fields.count)"
                )
            }
            return Row(
                line: record.line,
                values: Dictionary(uniqueKeysWithValues: zip(header.fields, record.fields))
            )
        }
    }

    private init(jsonLines data: Data, file: String) throws {
        var rows: [Row] = []
        for (index, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            rows.append(try Self.row(Data(line), line: index + 1, file: file))
        }
        self.file = file
        self.rows = rows
        columns = Set(rows.flatMap { Array($0.values.keys) + Array($0.lists.keys) })
    }

    private static func row(_ data: Data, line: Int, file: String) throws -> Row {
        let object: [String: Field]
        do {
            object = try JSONDecoder().decode([String: Field].self, from: data)
        } catch {
            throw RiskError.malformed(file: file, line: line, reason: "not a JSON object on one line")
        }
        var row = Row(line: line, values: [:])
        for (key, field) in object {
            switch field {
            case .text(let text): row.values[key] = text
            case .list(let list): row.lists[key] = list
            case .other: break
            }
        }
        return row
    }

    /// The part of JSON that a row may use; anything else is passed over.
    private enum Field: Decodable {
        case text(String)
        case list([String])
        case other

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self = .text(text)
            } else if let number = try? value.decode(Int.self) {
                self = .text(String(number))
            } else if let list = try? value.decode([String].self) {
                self = .list(list)
            } else {
                self = .other
            }
        }
    }

    /// A value that must be there and hold more than spaces.
    func require(_ column: String, in row: Row) throws -> String {
        guard let value = row.values[column], !value.allSatisfy(\.isWhitespace) else {
            throw RiskError.malformed(file: file, line: row.line, reason: "'\(column)' is missing or empty")
        }
        return value
    }

    /// An error that names a row.
    func broken(_ row: Row, _ reason: String) -> RiskError {
        .malformed(file: file, line: row.line, reason: reason)
    }
}
