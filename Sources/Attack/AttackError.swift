/// Why a model cannot be attacked through its gradients.
public enum AttackError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The conversation has no user turn whose end a suffix could stand at, or the template hides it.
    case noPlace(probe: String, reason: String)
    /// No token of the vocabulary may stand in a suffix.
    case noTokens(path: String)

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .noPlace(let probe, let reason): "probe \(probe): a suffix cannot be put behind the request: \(reason)"
        case .noTokens(let path):
            "\(path): no token of the vocabulary is printable ASCII alone; allow others (--any-characters)"
        }
    }
}
