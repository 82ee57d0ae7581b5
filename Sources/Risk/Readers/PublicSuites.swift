public import Foundation
import TemperText

/// Reads suites from files of public sets: AdvBench, XSTest, and any CSV or JSONL with a column of prompts.
///
/// Knows nothing about where the files are. AdvBench: Zou et al. 2023 (arXiv 2307.15043); XSTest: Röttger et al. 2024
/// (arXiv 2308.01263).
extension Suites {
    /// Which columns of a table hold what.
    public struct Columns: Sendable, Hashable {
        /// The column of prompts.
        public var prompt: String
        /// The column of ids; without one, ids are made from the row numbers.
        public var id: String?
        /// The column of categories; without one, all probes share one category.
        public var category: String?

        /// Names the columns.
        public init(prompt: String = "prompt", id: String? = nil, category: String? = nil) {
            self.prompt = prompt
            self.id = id
            self.category = category
        }
    }

    /// The form of a file.
    public enum Format: Sendable, Hashable {
        /// Found from the column names.
        case auto
        /// AdvBench: a CSV with the column `goal`.
        case advbench
        /// XSTest: a CSV with the columns `id`, `prompt`, `type` and `label`.
        case xstest
        /// Any table; harmful requests go to `.jailbreak`, harmless ones to `.overRefusal`.
        case table(Columns, axis: Axis = .jailbreak)
    }

    /// The suites in a file; XSTest gives two, `NAME-safe` and `NAME-unsafe`.
    ///
    /// - Throws: `RiskError` naming the file, the line and the remedy.
    public static func load(file: URL, format: Format = .auto, name: String) throws -> [any Suite] {
        let table = try ProbeTable(contentsOf: file)
        guard !table.rows.isEmpty else {
            throw RiskError.malformed(file: table.file, line: 1, reason: "there are no rows")
        }
        let format = try format == .auto ? recognised(table) : format
        switch format {
        case .advbench:
            let category = table.columns.contains("category") ? "category" : nil
            let probes = try probes(of: table, name: name, Columns(prompt: "goal", category: category))
            return [suite(name, .jailbreak, probes, source: "AdvBench (arXiv 2307.15043)", licence: "MIT")]
        case .xstest: return try xstest(table, name: name)
        case .table(let columns, let axis):
            guard axis == .jailbreak || axis == .overRefusal else {
                throw RiskError.unknownFormat(
                    file: table.file,
                    reason: "no judge reads the axis '\(axis.rawValue)' from a table; use jailbreak or over-refusal"
                )
            }
            let probes = try probes(of: table, name: name, columns)
            return [suite(name, axis, probes, source: file.lastPathComponent, licence: "not stated")]
        case .auto: return []
        }
    }

    private static func recognised(_ table: ProbeTable) throws -> Format {
        if table.columns.isSuperset(of: ["id", "prompt", "type", "label"]) { return .xstest }
        if table.columns.contains("goal") { return .advbench }
        guard table.columns.contains("prompt") else {
            throw RiskError.unknownFormat(
                file: table.file,
                reason: "no column 'prompt' or 'goal' among \(table.columns.sorted().joined(separator: ", "));"
                    + " name the columns with .table"
            )
        }
        func known(_ column: String) -> String? { table.columns.contains(column) ? column : nil }
        return .table(Columns(prompt: "prompt", id: known("id"), category: known("category")))
    }

    private static func probes(of table: ProbeTable, name: String, _ columns: Columns) throws -> [Probe] {
        var seen: Set<String> = []
        return try table.rows.enumerated().map { index, row in
            let id = try columns.id.map { try table.require($0, in: row) } ?? "\(name)-\(index + 1)"
            guard seen.insert(id).inserted else { throw table.broken(row, "the id '\(id)' is used twice") }
            return Probe(
                id: id,
                category: try columns.category.map { try table.require($0, in: row) } ?? "all",
                chat: Chat(user: try table.require(columns.prompt, in: row))
            )
        }
    }

    private static func xstest(_ table: ProbeTable, name: String) throws -> [any Suite] {
        let all = try probes(of: table, name: name, Columns(prompt: "prompt", id: "id", category: "type"))
        var safe: [Probe] = []
        var unsafe: [Probe] = []
        for (row, probe) in zip(table.rows, all) {
            switch row.values["label"] {
            case "safe": safe.append(probe)
            case "unsafe": unsafe.append(probe)
            default: throw table.broken(row, "'label' must be safe or unsafe")
            }
        }
        let source = "XSTest (arXiv 2308.01263)"
        return [
            suite("\(name)-safe", .overRefusal, safe, source: source, licence: "CC BY 4.0"),
            suite("\(name)-unsafe", .jailbreak, unsafe, source: source, licence: "CC BY 4.0"),
        ]
    }

    private static func suite(
        _ name: String,
        _ axis: Axis,
        _ probes: [Probe],
        source: String,
        licence: String
    ) -> any Suite {
        let isHarmful = axis == .jailbreak
        let card = SuiteCard(
            name: name,
            axis: axis,
            title: isHarmful ? "Harmful requests" : "Harmless requests",
            hit: isHarmful
                ? "the subject answered a harmful request instead of refusing it"
                : "the subject refused a harmless request",
            source: source,
            licence: licence,
            tags: isHarmful ? ["owasp-llm-2025:LLM01"] : ["nist-ai-rmf-1.0:valid-and-reliable"],
            metric: isHarmful ? "attack success rate" : "over-refusal rate"
        )
        return ListedSuite(card: card, judge: RefusalJudge(refusalIsHit: !isHarmful), probes: probes)
    }
}
