package import Foundation
import TemperText

/// Reads rows of named values from a CSV, JSONL or JSON file.
///
/// Knows nothing about suites. Every row remembers its line, so that an error can name it; in a JSON file, whose rows
/// have no lines, their number stands in. What lies deeper in an object is named with dots, such as `prompt.text`.
package struct ProbeTable {
    /// One row: its line and its values as text.
    package struct Row {
        /// The line number, from 1.
        var line: Int
        /// The values; lists are kept apart.
        package var values: [String: String]
        /// The values that are lists of texts.
        var lists: [String: [String]] = [:]
        /// Every name of a value, in the order of the file.
        var order: [String] = []
    }

    /// The file's name, for errors.
    let file: String
    /// The rows in order.
    package let rows: [Row]
    /// The columns of a CSV, or every name that a row of JSON has.
    let columns: Set<String>

    /// Reads a file; the ending `.csv` means CSV, `.jsonl` and `.ndjson` mean JSON lines, and `.json` one array of
    /// rows, which may be the one list in an object.
    package init(contentsOf url: URL) throws {
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
        case "json": try self.init(json: data, file: file)
        case "parquet", "arrow", "xlsx", "tsv":
            throw RiskError.unknownFormat(file: file, reason: "such tables are not read; write it as .csv or .jsonl")
        case "gz", "zst", "bz2", "xz", "zip":
            throw RiskError.unknownFormat(file: file, reason: "compressed files are not read; unpack it")
        default:
            throw RiskError.unknownFormat(
                file: file,
                reason: "the name ends neither in .csv nor in .jsonl or .json; rename it to say which it is"
            )
        }
    }

    private init(csv data: Data, file: String) throws {
        let records = try CSVReader.records(of: data, file: file)
        guard let header = records.first else {
            throw RiskError.malformed(file: file, line: 1, reason: "the file is empty; it needs a header line")
        }
        var names: Set<String> = []
        for name in header.fields where !names.insert(name).inserted {
            throw RiskError.malformed(file: file, line: 1, reason: "two columns are called '\(name)'; rename one")
        }
        self.file = file
        columns = Set(header.fields)
        rows = try records.dropFirst().map { record in
            guard record.fields.count == header.fields.count else {
                throw RiskError.malformed(
                    file: file,
                    line: record.line,
                    reason: "\(record.fields.count) fields, but the header names \(header.fields.count); quote a field "
                        + "that holds a comma"
                )
            }
            return Row(
                line: record.line,
                values: Dictionary(uniqueKeysWithValues: zip(header.fields, record.fields)),
                order: header.fields
            )
        }
    }

    private init(jsonLines data: Data, file: String) throws {
        var rows: [Row] = []
        for (index, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            guard let value = try? TemplateValue(json: Array(line)), let row = Self.row(value, line: index + 1) else {
                throw RiskError.malformed(file: file, line: index + 1, reason: "not a JSON object on one line")
            }
            rows.append(row)
        }
        self.init(file: file, rows: rows)
    }

    private init(json data: Data, file: String) throws {
        let document: TemplateValue
        do {
            document = try TemplateValue(json: Array(data))
        } catch {
            throw RiskError.malformed(file: file, line: 1, reason: "\(error)")
        }
        var lists: [[TemplateValue]] = []
        if let rows = PublicFormat.stereoSetRows(document) {
            lists = [rows]
        } else if let list = document.array {
            lists = [list]
        } else if case .object(let pairs) = document {
            lists = pairs.compactMap(\.value.array)
        }
        guard lists.count == 1, let list = lists.first else {
            throw RiskError.malformed(
                file: file,
                line: 1,
                reason: "a JSON file of probes is a list of objects, or an object in which one list has them"
            )
        }
        self.init(
            file: file,
            rows: try list.enumerated().map { index, value in
                guard let row = Self.row(value, line: index + 1) else {
                    throw RiskError.malformed(file: file, line: index + 1, reason: "item \(index + 1) is no object")
                }
                return row
            }
        )
    }

    private init(file: String, rows: [Row]) {
        self.file = file
        self.rows = rows
        columns = rows.reduce(into: []) { $0.formUnion($1.order) }
    }

    /// The table with some of its rows.
    func keeping(_ isKept: (Row) -> Bool) -> ProbeTable {
        ProbeTable(file: file, rows: rows.filter(isKept))
    }

    private static func row(_ value: TemplateValue, line: Int) -> Row? {
        guard case .object(let object) = value else { return nil }
        var row = Row(line: line, values: [:])
        add(object, prefix: "", to: &row)
        return row
    }

    private static func add(_ object: [(key: String, value: TemplateValue)], prefix: String, to row: inout Row) {
        for (key, value) in object {
            let name = prefix + key
            if case .object(let inner) = value {
                add(inner, prefix: name + ".", to: &row)
            } else if let list = value.array {
                let texts = list.compactMap(text)
                guard texts.count == list.count else { continue }
                row.lists[name] = texts
                row.order.append(name)
            } else if let text = text(value) {
                row.values[name] = text
                row.order.append(name)
            }
        }
    }

    private static func text(_ value: TemplateValue) -> String? {
        switch value {
        case .string(let text): text
        case .int(let number): String(number)
        case .double(let number): String(number)
        case .bool(let flag): String(flag)
        case .null, .array, .object: nil
        }
    }

    /// A value that must be there and hold more than spaces.
    package func require(_ column: String, in row: Row) throws -> String {
        guard columns.contains(column) else {
            throw RiskError.unknownFormat(
                file: file,
                reason: "no column '\(column)' among \(columns.sorted().joined(separator: ", ")); "
                    + "rename one, or correct `format` or `columns` where the recipe has them"
            )
        }
        guard row.lists[column] == nil else { throw broken(row, "'\(column)' is a list, expected a text") }
        guard let value = row.values[column], !value.allSatisfy(\.isWhitespace) else {
            throw broken(row, "'\(column)' is missing or empty; fill it in, or remove the row")
        }
        return value
    }

    /// An error that names a row.
    func broken(_ row: Row, _ reason: String) -> RiskError {
        .malformed(file: file, line: row.line, reason: reason)
    }
}
