/// Why a run did not come to its end.
public enum PipelineError: Error, CustomStringConvertible, Sendable {
    /// The run was asked to stop; a checkpoint was written.
    case interrupted(run: String)
    /// The run's directory holds a run of something else.
    case otherRun(path: String, changed: String)
    /// Another process works in the run's directory.
    case busy(path: String)
    /// A recipe names data or a suite that does not exist.
    case recipe(key: String, reason: String)

    /// What happened, and the remedy.
    public var description: String {
        switch self {
        case .interrupted(let run): "interrupted; \(run) is saved and can be resumed"
        case .otherRun(let path, let changed):
            "\(path) holds a run with another \(changed): give this one a new name (--set run_name=...) or delete that folder"
        case .busy(let path): "another process is working in \(path): wait for it, or choose another run_name"
        case .recipe(let key, let reason): "recipe: \(key): \(reason)"
        }
    }
}
