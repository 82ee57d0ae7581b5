/// Why a run did not come to its end.
public enum PipelineError: Error, CustomStringConvertible, Sendable {
    /// The run was asked to stop; a checkpoint was written.
    case interrupted(run: String)
    /// The run's directory holds a run of something else; the differences say of what.
    case otherRun(path: String, differences: [String])
    /// Another process works in the run's directory.
    case busy(path: String)
    /// A recipe names data or a suite that does not exist.
    case recipe(key: String, reason: String)
    /// A folder holds no assessment.
    case noAssessment(path: String)
    /// A file of an assessment that was complete cannot be read.
    case damagedAssessment(file: String, reason: String)
    /// A run has not come to its report.
    case noReport(run: String, status: String, recipe: String)
    /// A report cannot be read.
    case unreadableReport(path: String, reason: String, recipe: String)
    /// The numbers of a report contradict each other, so that nothing follows from any of them.
    case contradictoryReport(path: String, reason: String, recipe: String)

    /// What happened, and the remedy.
    public var description: String {
        switch self {
        case .interrupted(let run): "interrupted; \(run) is saved and can be resumed"
        case .otherRun(let path, let differences):
            "\(path) holds a run that differs in \(differences.joined(separator: "; ")): set that back, or give this run "
                + "a new name (--set run_name=...), or delete that folder"
        case .busy(let path): "another process is working in \(path): wait for it, or choose another run_name"
        case .recipe(let key, let reason): "recipe: \(key): \(reason)"
        case .noAssessment(let path):
            "\(path): there is no complete assessment; give a folder that `temper assess --output` wrote, or "
                + "one in the assessments of a run, such as runs/NAME/assessments/raw"
        case .damagedAssessment(let file, let reason):
            "\(file): \(reason); assess it again: `temper run` with the run's recipe, or `temper assess --output`"
        case .noReport(let run, let status, let recipe):
            "\(run) has no report yet (\(status)): a run writes it at its end; where it does not run any more, "
                + "`temper run \(recipe)` takes it up"
        case .unreadableReport(let path, let reason, let recipe):
            "\(path): \(reason); `temper run \(recipe)` writes it again from what the run has found"
        case .contradictoryReport(let path, let reason, let recipe):
            "\(path): its numbers contradict each other, so that nothing can be concluded: \(reason); "
                + "`temper run \(recipe)` writes it again from what the run has found"
        }
    }
}
