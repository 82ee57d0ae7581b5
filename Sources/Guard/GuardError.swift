/// What can be wrong with a policy; each case names the place and the remedy.
public enum GuardError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A policy names a rail that is not there.
    case unknownRail(String, known: [String])
    /// A rule names a label that its rail does not have.
    case unknownLabel(String, rail: String, known: [String])
    /// A rule puts a rail where it cannot stand.
    case wrongStage(Stage, rail: String, known: [Stage])

    /// A rail needs something that its rule or the program does not give it.
    case needs(String, rail: String)
    /// A safety model's reply has another form than the rail reads.
    case unreadableReply(rail: String)

    /// The message: what, where, and what to do.
    public var description: String {
        switch self {
        case .unknownRail(let name, let known):
            "there is no rail named '\(name)'; the rails are \(known.joined(separator: ", "))"
        case .unknownLabel(let label, let rail, let known):
            "the rail '\(rail)' has no label '\(label)'; its labels are \(known.joined(separator: ", "))"
        case .wrongStage(let stage, let rail, let known):
            "the rail '\(rail)' cannot stand at '\(stage.rawValue)'; it can at "
                + known.map(\.rawValue).joined(separator: ", ")
        case .needs(let what, let rail): "the rail '\(rail)' needs \(what)"
        case .unreadableReply(let rail):
            "the model behind the rail '\(rail)' replied in another form than Llama Guard's; ask one that keeps to it"
        }
    }
}
