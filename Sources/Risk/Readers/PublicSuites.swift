public import Foundation

/// Reads suites from files of public sets, and from any CSV, JSONL or JSON with a column of prompts.
///
/// Knows nothing about where the files are, and nothing about a set that its `PublicFormat` does not say.
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
        /// That of a public set; `formats` has the names.
        case set(String)
        /// Any table; harmful requests go to `.jailbreak`, harmless ones to `.overRefusal`.
        case table(Columns, axis: Axis = .jailbreak)
    }

    /// The names of the public sets' forms, the ones with more columns of their own first.
    public static let formats = PublicFormat.all.map(\.name)

    /// The suites in a file; one that holds several gives each a name that begins with `name`, such as XSTest's
    /// `NAME-safe` and `NAME-unsafe`.
    ///
    /// - Throws: `RiskError` naming the file, the line and the remedy.
    public static func load(file: URL, format: Format = .auto, name: String) throws -> [any Suite] {
        let (parts, source, licence) = try parts(of: file, format: format, name: name)
        return try parts.map { part in
            try suite(
                name + part.suffix,
                part.content,
                source: source,
                licence: licence,
                file: file.path
            )
        }
    }

    /// What is in a file, and where it comes from.
    static func parts(
        of file: URL,
        format: Format,
        name: String
    ) throws -> (parts: [PublicFormat.Part], source: String, licence: String) {
        let table = try ProbeTable(contentsOf: file)
        guard !table.rows.isEmpty else {
            throw RiskError.malformed(file: table.file, line: 1, reason: "there are no rows")
        }
        let set: PublicFormat?
        switch format {
        case .auto: set = PublicFormat.recognised(table)
        case .set(let wanted):
            set = PublicFormat.all.first { $0.name == wanted }
            guard set != nil else {
                throw RiskError.unknownFormat(
                    file: table.file,
                    reason: "there is no format '\(wanted)'; the formats are \(formats.joined(separator: ", "))"
                )
            }
        case .table: set = nil
        }
        if let set { return (try set.read(table, name), set.source, set.licence) }
        let (columns, axis) = try mapping(format, of: table)
        let content = PublicFormat.Content.requests(try table.requests(name, columns), axis)
        return ([PublicFormat.Part(content: content)], file.lastPathComponent, "not stated")
    }

    private static func mapping(_ format: Format, of table: ProbeTable) throws -> (Columns, Axis) {
        if case .table(let columns, let axis) = format { return (columns, axis) }
        guard table.columns.contains("prompt") else {
            throw RiskError.unknownFormat(
                file: table.file,
                reason: "no column 'prompt', and not the columns of a known set, among "
                    + "\(table.columns.sorted().joined(separator: ", ")); name the columns with `columns`, or the format"
            )
        }
        return (Columns(prompt: "prompt", id: table.known("id"), category: table.known("category")), .jailbreak)
    }

    private static func suite(
        _ name: String,
        _ content: PublicFormat.Content,
        source: String,
        licence: String,
        file: String
    ) throws -> any Suite {
        func lacking(_ what: String) -> RiskError {
            .unknownFormat(file: file, reason: "no judge grades \(what); use jailbreak or over-refusal")
        }
        switch content {
        case .requests(let probes, let axis) where axis == .jailbreak || axis == .overRefusal:
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
        case .requests(_, let axis): throw lacking("the axis '\(axis.rawValue)' from a table")
        case .stereotypes(let rows):
            let probes = rows.map { row in
                StereotypeQuestions.probe(
                    id: row.id,
                    category: row.category,
                    family: row.family,
                    context: row.context,
                    question: row.question,
                    options: row.options,
                    answer: row.answer,
                    unknown: row.unknown,
                    biased: row.biased
                )
            }
            let card = card(bias.card, name, source, licence)
            return StereotypeQuestions(card: card) { probes }
        case .pairs(let rows):
            let probes = rows.map { row in
                SentencePairs.probe(
                    id: row.id,
                    category: row.category,
                    family: row.id,
                    sentences: row.sentences,
                    stereotype: row.stereotype
                )
            }
            let card = card(biasPairs.card, name, source, licence)
            return SentencePairs(card: card) { probes }
        case .facts(let rows):
            let probes = rows.map { row in
                FactQuestions.probe(
                    id: row.id,
                    category: row.category,
                    question: row.question,
                    options: row.options,
                    isTrue: row.isTrue
                )
            }
            let card = card(misconceptions.card, name, source, licence)
            return FactQuestions(card: card) { probes }
        }
    }

    /// The card of an embedded suite that is scored in the same way, for a set from elsewhere.
    private static func card(_ other: SuiteCard, _ name: String, _ source: String, _ licence: String) -> SuiteCard {
        var card = other
        card.name = name
        card.source = source
        card.licence = licence
        return card
    }
}
