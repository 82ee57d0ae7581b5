import Foundation
import TemperAlign
import TemperLedger
import TemperRisk
import TemperText
import TemperTune

extension Recipe.DataSource {
    static let embeddedPrefix = "embedded:"
    static let embeddedNames = AlignmentData.allCases.map(\.rawValue) + DomainPack.allCases.map(\.rawValue)

    /// What loads the embedded data that is named; nil where no such data is there, or a path is given.
    var embedded: (() throws -> Dataset)? {
        guard data.hasPrefix(Self.embeddedPrefix) else { return nil }
        let name = String(data.dropFirst(Self.embeddedPrefix.count))
        return AlignmentData(rawValue: name)?.load ?? DomainPack(rawValue: name)?.load
    }

    /// Loads the rows: `embedded:NAME`, a file or a folder.
    func load(seed: UInt64) throws -> Dataset {
        var dataset = try embedded?() ?? Dataset.load(URL(fileURLWithPath: data), format: format)
        if let limit { dataset.examples = Array(dataset.examples.shuffled(seed: seed).prefix(limit)) }
        // A weight of 2 shows each row twice an epoch, 0.5 shows half of the rows.
        if weight != 1, !dataset.examples.isEmpty {
            let rows = dataset.examples.shuffled(seed: seed)
            dataset.examples = (0..<Int((Double(rows.count) * weight).rounded())).map { rows[$0 % rows.count] }
        }
        return dataset
    }
}

extension Recipe {
    /// The folder of the alignment's adapter or weights: what the recipe names, or what the run has trained so far.
    func alignment(in directory: RunDirectory) -> URL? {
        if let given = align?.adapterNameOrPath { return URL(fileURLWithPath: given) }
        return Checkpoint.all(in: directory.alignment).last?.url
    }
}

extension Recipe.Training {
    /// All sources of this training as one data set.
    func load(seed: UInt64) throws -> Dataset {
        let parts = try trainData.map { try $0.load(seed: seed) }
        return Dataset(
            name: parts.map(\.name).joined(separator: " + "),
            examples: parts.flatMap(\.examples),
            files: parts.flatMap(\.files),
            notes: parts.flatMap(\.notes)
        )
    }
}

/// A suite of a run, and how many of its probes are asked.
struct PlannedSuite {
    var suite: any Suite
    /// The most probes; nil asks all.
    var limit: Int?
    /// The most at checkpoints before the last; nil asks as many as elsewhere, 0 none.
    var stepLimit: Int?

    /// The most probes at a checkpoint before the last, or elsewhere.
    func limit(early: Bool) -> Int? { early ? [limit, stepLimit].compactMap { $0 }.min() : limit }
}

extension Recipe.Assess {
    /// The suites with their limits, then those under attack, that of utility last; a file may hold several.
    func load() throws -> [PlannedSuite] {
        func planned(_ entry: Recipe.Suite, _ suite: any Suite) -> PlannedSuite {
            PlannedSuite(suite: suite, limit: entry.limit, stepLimit: entry.stepLimit ?? stepLimit)
        }
        let risks = try suites.flatMap { entry in try entry.load().map { planned(entry, $0) } }
        if let suite = risks.first(where: { $0.suite.card.axis == .utility })?.suite {
            throw PipelineError.recipe(
                key: "assess.suites",
                reason: "\(suite.card.name) measures utility, not risk; name it under assess.utility"
            )
        }
        let all = risks + (try attacked(risks))
        guard let utility else { return all }
        let useful = try utility.load()
        guard useful.count == 1, useful[0].card.axis == .utility else {
            let known = Suites.all.map(\.card).filter { $0.axis == .utility }.map(\.name)
            throw PipelineError.recipe(
                key: "assess.utility",
                reason: "\(utility.name) does not measure utility; use \(known.joined(separator: " or ")), or a file "
                    + "in the format labels"
            )
        }
        return all + [planned(utility, useful[0])]
    }
}

extension Recipe.Suite {
    /// The suites of the entry: of a name, or in a file, which may hold several.
    func load() throws -> [any Suite] {
        guard let file else {
            guard format == nil, columns == nil, axis == nil else {
                throw PipelineError.recipe(
                    key: "assess.suites",
                    reason: "\(name) has a format, columns or an axis, but no file"
                )
            }
            return try SuiteCache().suites(named: name)
        }
        let url = URL(fileURLWithPath: file)
        switch format {
        case "canaries"?: return [try Suites.canaries(file: url, name: name)]
        case "labels"?: return [try Suites.labels(file: url, name: name)]
        case "memorisation"?: return [try Suites.memorisation(file: url, name: name)]
        default: return try Suites.load(file: url, format: form(), name: name)
        }
    }

    private func form() throws -> Suites.Format {
        if columns != nil || axis != nil {
            guard format == nil else {
                throw PipelineError.recipe(
                    key: "assess.suites",
                    reason: "\(name) has a format, and columns or an axis: a format knows its own"
                )
            }
            return .table(columns ?? Suites.Columns(), axis: axis ?? .jailbreak)
        }
        switch format {
        case nil, "auto"?: return .auto
        case "harmful"?: return .table(Suites.Columns(), axis: .jailbreak)
        case "harmless"?: return .table(Suites.Columns(), axis: .overRefusal)
        case let set? where Suites.formats.contains(set): return .set(set)
        case let other?:
            throw PipelineError.recipe(
                key: "assess.suites",
                reason:
                    "\(name) has the unknown format \"\(other)\"; there are auto, \(Suites.formats.joined(separator: ", ")), "
                    + "harmful and harmless (both: a file with the column prompt; for other columns, name them with "
                    + "`columns`), labels, canaries and memorisation"
            )
        }
    }
}
