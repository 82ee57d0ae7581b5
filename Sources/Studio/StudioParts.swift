public import TemperLedger
public import TemperReport
public import TemperText

/// What the studio leaves to others, because it knows neither models nor recipes. Whoever starts it says who does it.

/// Reads of a run what takes more than its report.
public protocol RunSource: Sendable {
    /// The report of what is measured so far; nil before the first assessment is complete.
    func unfinishedReport(of run: RunDirectory) async throws -> RunReport?

    /// The run's settings, by their path in its recipe.
    func settings(of run: RunDirectory) -> [String: String]
}

/// Answers in the name of a run's models.
public protocol ChatPartners: Sendable {
    /// Whom one can talk to in a run, in the order of its story; at least the base.
    func partners(of run: RunDirectory) -> [ChatPartner]

    /// Answers a conversation. What is not asked any more (the task was cancelled) may be left.
    ///
    /// - Parameters:
    ///   - partner: An id that `partners(of:)` names.
    ///   - partial: Called with the beginning of the answer, ever longer, on any thread.
    /// - Returns: The whole answer.
    func answer(
        _ chat: Chat,
        by partner: String,
        in run: RunDirectory,
        partial: @escaping @Sendable (String) -> Void
    ) async throws -> String
}

/// One model of a run that answers.
public struct ChatPartner: Sendable, Hashable {
    /// What names it.
    public var id: String
    /// What people read.
    public var title: String
    /// Whether it is one of those that are asked unless somebody chooses others.
    public var isSuggested: Bool

    /// Creates a partner.
    public init(id: String, title: String, isSuggested: Bool = true) {
        self.id = id
        self.title = title
        self.isSuggested = isSuggested
    }
}

/// Writes, checks and starts recipes.
public protocol RunLauncher: Sendable {
    /// What a form offers.
    var choices: RecipeChoices { get }

    /// What is wrong with a filled form, each at its entry; what only shows in the whole recipe is left to `check`.
    func problems(in form: RecipeForm) -> [RecipeForm.Field: String]

    /// The recipe that a filled form describes, as YAML.
    func recipe(of form: RecipeForm) -> String

    /// The run's name that a recipe gives, if the recipe can be used.
    ///
    /// - Throws: An error that says what is wrong, and where.
    func check(_ yaml: String) throws -> String

    /// Starts a checked recipe as a process of its own; returns its run's name, perhaps before there is a folder of that
    /// name.
    func start(_ yaml: String) async throws -> String

    /// The names of the runs that were started here and still run.
    var running: [String] { get }

    /// Whether the run is one of these.
    func isRunning(_ name: String) -> Bool

    /// Whether the run is one that was started here, still runs, and was asked to end.
    func isEnding(_ name: String) -> Bool

    /// Asks a run that was started here to write its checkpoint and end; asking again changes nothing.
    func stop(_ name: String)

    /// The last lines that a run started here has printed; nil where none of that name was.
    func output(of name: String) -> String?
}

/// What can be chosen in the form of a new run.
public struct RecipeChoices: Sendable, Hashable {
    /// Models that are at hand, as a recipe names them.
    public var models: [String]
    /// Data for tuning, as a recipe names them.
    public var data: [String]
    /// Suites by name and title.
    public var suites: [Choice]
    /// Defences by name and title.
    public var defences: [Choice]

    /// A name, and what people read.
    public struct Choice: Sendable, Hashable {
        /// The name in a recipe.
        public var name: String
        /// What it is.
        public var title: String

        /// Creates a choice.
        public init(name: String, title: String) {
            self.name = name
            self.title = title
        }
    }

    /// Creates the choices.
    public init(models: [String], data: [String], suites: [Choice], defences: [Choice]) {
        self.models = models
        self.data = data
        self.suites = suites
        self.defences = defences
    }
}

/// What somebody has filled in; texts are as they came, and only the recipe's reader decides whether they can be used.
public struct RecipeForm: Sendable, Hashable {
    /// The entries that can be wrong, by their names in the browser's form.
    public enum Field: String, Sendable, CaseIterable {
        case name, model, data, steps, rate, limit, suite, defence
    }

    /// The run's name.
    public var name = ""
    /// The base model.
    public var model = ""
    /// The data for tuning.
    public var data = ""
    /// The most optimiser steps of the tuning.
    public var steps = ""
    /// The tuning's learning rate.
    public var learningRate = ""
    /// The most probes of a suite.
    public var limit = ""
    /// The suites.
    public var suites: [String] = []
    /// The defences.
    public var defences: [String] = []
    /// Whether the model is aligned before the tuning.
    public var aligns = false

    /// An empty form.
    public init() {}
}
