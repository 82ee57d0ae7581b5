import Foundation
public import TemperLedger
public import TemperReport
import TemperRisk
import TemperTorch

/// The report of a run that is not over: what its complete assessments say so far, told by the same story.
///
/// It reads the run's folder alone and loads no model, so that whoever watches a run does not slow it down. What was
/// read once is kept: an assessment does not change after it is complete.
public actor UnfinishedRun {
    private var suites: [String: [any Suite]] = [:]
    private var assessments: [String: (written: Date, made: (assessment: Assessment, seconds: Double))] = [:]

    /// A reader that has read nothing yet.
    public init() {}

    /// The report so far; nil before the first assessment is complete. The model's size stays 0: nothing in the folder
    /// says it.
    ///
    /// - Throws: An error where the run's recipe or its suites cannot be read.
    public func report(of run: RunDirectory) throws -> RunReport? {
        guard let record = LedgerFile.read(RunRecord.self, from: run.url.appendingPathComponent("record.json")) else {
            return nil
        }
        let recipe = try Recipe.parse(record.recipe, file: run.recipe.relativePath)
        let suites = try suites(of: recipe, record.fingerprint)
        let described = RunReport.Model(
            name: ModelReference.name(of: URL(fileURLWithPath: recipe.modelNameOrPath)),
            path: recipe.modelNameOrPath,
            sha256: record.modelSHA256,
            parameters: 0,
            dtype: record.dtype.rawValue
        )
        var story = Story(recipe: recipe, described: described, record: record, suites: suites)
        guard let raw = assessment("raw", of: run, record.fingerprint) else { return nil }
        story.add(.base, "raw", raw)
        if recipe.align != nil {
            if let aligned = assessment("aligned", of: run, record.fingerprint) {
                story.add(.reference, "aligned", aligned)
            }
        }
        if recipe.align == nil || story.chapters.count > 1 {
            story.addReferenceAsStepZero()
            addCopies(of: story.reference.name, in: run, record, to: &story)
        }
        if let retrieval = recipe.retrieval {
            let fingerprint = retrieval.fingerprint(in: record.fingerprint)
            if let made = assessment(Story.retrievalName, of: run, fingerprint) {
                try story.addRetrieval(made, by: nil)
            }
        }
        for step in steps(of: run) {
            let name = "tuned@\(step)"
            if let tuned = assessment(name, of: run, record.fingerprint) {
                story.add(.checkpoint, name, step: step, tuned)
            }
        }
        if let last = story.tuned { addCopies(of: last.name, in: run, record, to: &story) }
        if recipe.guardPolicy != nil, let guarded = assessment(Story.guardedName, of: run, record.fingerprint) {
            story.add(.guarded, Story.guardedName, guarded)
            story.study = RunSession.guardStudy(in: run, fingerprint: record.fingerprint)
        }
        for defence in recipe.defences {
            guard let made = assessment(defence.name, of: run, record.fingerprint) else { continue }
            story.add(.defence, defence.name, made)
            addCopies(of: defence.name, in: run, record, to: &story)
        }
        // A search measures few of its candidates in full, in an order of its own.
        let found = (recipe.search.map { recipe.candidates(of: $0) } ?? []).compactMap { candidate in
            assessment(candidate.name, of: run, record.fingerprint).map {
                (candidate, $0, written(candidate.name, of: run))
            }
        }
        for (candidate, made, _) in found.sorted(by: { ($0.2 ?? .distantPast) < ($1.2 ?? .distantPast) }) {
            story.add(.defence, candidate.name, made)
            story.searched.append(candidate)
        }
        addRounds(in: run, record, to: &story)
        return try story.report(
            events: LedgerFile.readLines(RunEvent.self, from: run.events),
            environment: LedgerFile.read([String: String].self, from: run.environment) ?? [:]
        )
    }

    /// The run's suites, read once.
    private func suites(of recipe: Recipe, _ fingerprint: String) throws -> [any Suite] {
        if let known = suites[fingerprint] { return known }
        try StartedElsewhere.check(recipe.assess.files)
        let loaded = try recipe.assess.load().map(\.suite)
        suites[fingerprint] = loaded
        return loaded
    }

    /// Adds a subject's quantised copies that are assessed.
    private func addCopies(of name: String, in run: RunDirectory, _ record: RunRecord, to story: inout Story) {
        for format in story.recipe.assess.quantizations {
            guard let made = assessment(Story.name(of: name, in: format), of: run, record.fingerprint) else { continue }
            story.addCopy(of: name, in: format, made)
        }
    }

    /// Adds the rounds of a continued tuning that are assessed.
    private func addRounds(in run: RunDirectory, _ record: RunRecord, to story: inout Story) {
        guard story.recipe.continuation != nil,
            let known = LedgerFile.read(ContinuedTuning.Progress.self, from: run.continuation),
            known.fingerprint == record.fingerprint
        else { return }
        let continuation = known.continuation
        for course in continuation.courses {
            for (index, subject) in course.subjects.enumerated() {
                guard let made = assessment(subject, of: run, nil) else { continue }
                let step = continuation.firstStep + (index + 1) * continuation.roundSteps
                story.add(.continued, subject, step: step, made)
            }
        }
        story.continuation = continuation
    }

    private func steps(of run: RunDirectory) -> [Int] {
        let folder = run.url.appendingPathComponent("assessments")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { $0.hasPrefix("tuned@") ? Int($0.dropFirst(6)) : nil }.filter { $0 > 0 }.sorted()
    }

    /// When a subject's assessment was complete.
    private func written(_ subject: String, of run: RunDirectory) -> Date? {
        let metrics = run.assessment(of: subject).appendingPathComponent("metrics.json")
        return (try? FileManager.default.attributesOfItem(atPath: metrics.path))?[.modificationDate] as? Date
    }

    /// - Parameter fingerprint: The assessment's; nil takes any.
    private func assessment(
        _ subject: String,
        of run: RunDirectory,
        _ fingerprint: String?
    ) -> (assessment: Assessment, seconds: Double)? {
        let folder = run.assessment(of: subject)
        guard let written = written(subject, of: run) else { return nil }
        let key = "\(fingerprint ?? "") \(folder.path)"
        if let known = assessments[key], known.written == written { return known.made }
        guard let made = AssessmentFolder(folder).read(fingerprint: fingerprint) else { return nil }
        if assessments.count > 64 { assessments = [:] }
        assessments[key] = (written, made)
        return made
    }
}
