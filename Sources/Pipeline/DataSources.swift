import Foundation
import TemperAlign
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

extension Recipe.Assess {
    /// The suites with their limits, then those under attack, that of utility last; a file may hold several.
    func load() throws -> [(any Suite, limit: Int?)] {
        let risks = try suites.flatMap { entry in try entry.load().map { (suite: $0, limit: entry.limit) } }
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
                reason: "\(utility.name) does not measure utility; use \(known.joined(separator: " or "))"
            )
        }
        return all + [(useful[0], limit: utility.limit)]
    }
}

extension Recipe.Suite {
    private func load(format: Suites.Format, file: String) throws -> [any Suite] {
        try Suites.load(file: URL(fileURLWithPath: file), format: format, name: name)
    }

    func load() throws -> [any Suite] {
        guard let file else {
            guard format == nil else {
                throw PipelineError.recipe(key: "assess.suites", reason: "\(name) has a format but no file")
            }
            return [try Suites.named(name)]
        }
        switch format {
        case nil, "auto"?: return try load(format: .auto, file: file)
        case "advbench"?: return try load(format: .advbench, file: file)
        case "xstest"?: return try load(format: .xstest, file: file)
        case "harmful"?: return try load(format: .table(Suites.Columns(), axis: .jailbreak), file: file)
        case "harmless"?: return try load(format: .table(Suites.Columns(), axis: .overRefusal), file: file)
        case "canaries"?: return [try Suites.canaries(file: URL(fileURLWithPath: file), name: name)]
        case "memorisation"?: return [try Suites.memorisation(file: URL(fileURLWithPath: file), name: name)]
        case let other?:
            throw PipelineError.recipe(
                key: "assess.suites",
                reason:
                    "\(name) has the unknown format \"\(other)\"; there are auto, advbench, xstest, harmful and harmless "
                    + "(a CSV or JSONL file with the column prompt), canaries and memorisation"
            )
        }
    }
}
