public import Foundation

/// Everything a finished run has to say, as values: the content of `report.json` and the only input of every renderer.
///
/// It knows nothing about how the numbers were made, and it computes none. Every rate carries its n and its interval.
/// Keys that may be empty are written as `null`, never left out, so a reader can rely on every key being there.
public struct RunReport: Codable, Sendable, Equatable {
    /// The version of the layout this build writes and reads.
    public static let currentSchema = 2

    /// The layout's version.
    public var schema: Int
    /// The run's name.
    public var name: String
    /// The model the run started from.
    public var model: Model
    /// When the report was made, in whole seconds.
    public var created: Date
    /// Everything that was assessed, in the order of the run.
    public var subjects: [Subject]
    /// Paired comparisons between two subjects on one axis.
    public var comparisons: [Comparison]
    /// Probes that were graded differently on two subjects.
    public var flips: [Flip]
    /// The optimiser's log.
    public var training: [TrainingPoint]
    /// The defences that were tried.
    public var defences: [Defence]
    /// The judges that graded, with their measured quality.
    public var judges: [Judge]
    /// The suites that were used.
    public var suites: [Suite]
    /// The settings that decide the result.
    public var settings: [String: String]
    /// Hardware and versions.
    public var environment: [String: String]
    /// Seconds per stage.
    public var timing: [String: Double]
    /// Limits and remarks, one sentence each.
    public var notes: [String]
    /// Subjects whose result was known beforehand; nil where none were assessed.
    public var controls: [Control]?
    /// The search for a defence; nil where there was none.
    public var search: Search?
    /// What a risk budget saw; nil where there was none.
    public var riskWatch: RiskWatch?
    /// The guard that was assessed around the tuned model; nil where there was none.
    public var guarding: Guarding?
    /// What the rates would be if the judges made no errors; nil where no judge's errors were measured.
    public var correctedRates: [CorrectedRate]?
    /// What the run took; nil where it was not counted.
    public var cost: Cost?
    /// One probe's answers along the run, for the story; nil where no probe was asked throughout.
    public var trail: Trail?
    /// How the tuning went on after its end; nil where it did not.
    public var continuation: Continuation?
    /// What was done instead of tuning; nil where nothing was.
    public var retrieval: Retrieval?
    /// How every result was trained; nil where the report does not say.
    public var provenance: Provenance?

    /// Creates a report; fractions of a second of `created` are dropped.
    public init(
        schema: Int = RunReport.currentSchema,
        name: String,
        model: Model,
        created: Date,
        subjects: [Subject],
        comparisons: [Comparison] = [],
        flips: [Flip] = [],
        training: [TrainingPoint] = [],
        defences: [Defence] = [],
        judges: [Judge] = [],
        suites: [Suite] = [],
        settings: [String: String] = [:],
        environment: [String: String] = [:],
        timing: [String: Double] = [:],
        notes: [String] = [],
        controls: [Control]? = nil,
        search: Search? = nil,
        riskWatch: RiskWatch? = nil,
        guarding: Guarding? = nil,
        correctedRates: [CorrectedRate]? = nil,
        cost: Cost? = nil,
        trail: Trail? = nil,
        continuation: Continuation? = nil,
        retrieval: Retrieval? = nil,
        provenance: Provenance? = nil
    ) {
        self.schema = schema
        self.name = name
        self.model = model
        self.created = Date(timeIntervalSince1970: created.timeIntervalSince1970.rounded(.down))
        self.subjects = subjects
        self.comparisons = comparisons
        self.flips = flips
        self.training = training
        self.defences = defences
        self.judges = judges
        self.suites = suites
        self.settings = settings
        self.environment = environment
        self.timing = timing
        self.notes = notes
        self.controls = controls
        self.search = search
        self.riskWatch = riskWatch
        self.guarding = guarding
        self.correctedRates = correctedRates
        self.cost = cost
        self.trail = trail
        self.continuation = continuation
        self.retrieval = retrieval
        self.provenance = provenance
    }

    private enum CodingKeys: String, CodingKey {
        case schema, name, model, created, subjects, comparisons, flips, training, defences, judges, suites
        case settings, environment, timing, notes, controls, search
        case riskWatch = "risk_watch"
        case guarding = "guard"
        case cost, trail, continuation, retrieval, provenance
        case correctedRates = "corrected_rates"
    }

    /// Reads a report and refuses layouts of another version.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let schema = try values.decode(Int.self, forKey: .schema)
        guard schema == RunReport.currentSchema else { throw RunReportError.unsupportedSchema(found: schema) }
        let stamp = try values.decode(String.self, forKey: .created)
        guard let created = try? Date(stamp, strategy: .iso8601) else { throw RunReportError.badDate(stamp) }
        self.init(
            schema: schema,
            name: try values.decode(String.self, forKey: .name),
            model: try values.decode(Model.self, forKey: .model),
            created: created,
            subjects: try values.decode([Subject].self, forKey: .subjects),
            comparisons: try values.decode([Comparison].self, forKey: .comparisons),
            flips: try values.decode([Flip].self, forKey: .flips),
            training: try values.decode([TrainingPoint].self, forKey: .training),
            defences: try values.decode([Defence].self, forKey: .defences),
            judges: try values.decode([Judge].self, forKey: .judges),
            suites: try values.decode([Suite].self, forKey: .suites),
            settings: try values.decode([String: String].self, forKey: .settings),
            environment: try values.decode([String: String].self, forKey: .environment),
            timing: try values.decode([String: Double].self, forKey: .timing),
            notes: try values.decode([String].self, forKey: .notes),
            controls: try values.decodeIfPresent([Control].self, forKey: .controls),
            search: try values.decodeIfPresent(Search.self, forKey: .search),
            riskWatch: try values.decodeIfPresent(RiskWatch.self, forKey: .riskWatch),
            guarding: try values.decodeIfPresent(Guarding.self, forKey: .guarding),
            correctedRates: try values.decodeIfPresent([CorrectedRate].self, forKey: .correctedRates),
            cost: try values.decodeIfPresent(Cost.self, forKey: .cost),
            trail: try values.decodeIfPresent(Trail.self, forKey: .trail),
            continuation: try values.decodeIfPresent(Continuation.self, forKey: .continuation),
            retrieval: try values.decodeIfPresent(Retrieval.self, forKey: .retrieval),
            provenance: try values.decodeIfPresent(Provenance.self, forKey: .provenance)
        )
    }

    /// Writes every key; the date is ISO 8601 in UTC.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(schema, forKey: .schema)
        try values.encode(name, forKey: .name)
        try values.encode(model, forKey: .model)
        try values.encode(created.formatted(.iso8601), forKey: .created)
        try values.encode(subjects, forKey: .subjects)
        try values.encode(comparisons, forKey: .comparisons)
        try values.encode(flips, forKey: .flips)
        try values.encode(training, forKey: .training)
        try values.encode(defences, forKey: .defences)
        try values.encode(judges, forKey: .judges)
        try values.encode(suites, forKey: .suites)
        try values.encode(settings, forKey: .settings)
        try values.encode(environment, forKey: .environment)
        try values.encode(timing, forKey: .timing)
        try values.encode(notes, forKey: .notes)
        try values.encode(controls, forKey: .controls)
        try values.encode(search, forKey: .search)
        try values.encode(riskWatch, forKey: .riskWatch)
        try values.encode(guarding, forKey: .guarding)
        try values.encode(correctedRates, forKey: .correctedRates)
        try values.encode(cost, forKey: .cost)
        try values.encode(trail, forKey: .trail)
        try values.encode(continuation, forKey: .continuation)
        try values.encode(retrieval, forKey: .retrieval)
        try values.encode(provenance, forKey: .provenance)
    }

    /// The bytes of `report.json`: sorted keys, indented; a loss that diverged is the string `inf`, `-inf` or `nan`.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return try encoder.encode(self)
    }

    /// Reads the bytes of a `report.json`.
    public init(json: Data) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        self = try decoder.decode(RunReport.self, from: json)
    }
}

/// What can be wrong with a `report.json`.
public enum RunReportError: Error, CustomStringConvertible, Equatable {
    /// The file was written by another version.
    case unsupportedSchema(found: Int)
    /// The key `created` is not an ISO 8601 date.
    case badDate(String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .unsupportedSchema(let found):
            "report.json: schema \(found) is not supported, this build reads schema \(RunReport.currentSchema); "
                + "make the report again with `temper report`"
        case .badDate(let text):
            "report.json: created \"\(text)\" is not an ISO 8601 date such as 2026-01-31T12:00:00Z"
        }
    }
}
