import Foundation

/// Why a model could not be fetched from a hub, or found in its cache.
public enum HubError: Error, CustomStringConvertible, Sendable {
    /// Not written as `ORG/NAME` or `ORG/NAME@REVISION`.
    case badName(String)
    /// Neither a path nor a model in the cache.
    case notHere(name: String, cache: String)
    /// The hub wants to know who asks, or has not let them in.
    case gated(name: String, page: String, hasToken: Bool)
    /// The hub has no such model, revision or file.
    case notFound(String)
    /// The repository holds nothing of what is needed.
    case nothingUsable(name: String, reason: String)
    /// The hub cannot be reached, or the connection broke and did not come back.
    case unreachable(url: String, reason: String)
    /// The hub's answer makes no sense.
    case badAnswer(url: String, reason: String)
    /// A file came in, but is not the one it should be.
    case corrupted(file: String, reason: String)

    /// What went wrong, and the remedy.
    public var description: String {
        switch self {
        case .badName(let text):
            "\"\(text)\" is no model on a hub: write ORG/NAME or ORG/NAME@REVISION"
        case .notHere(let name, let cache):
            "no model at \(name), and none of that name in \(cache): fetch it with `temper model pull \(name)`, or give "
                + "the path of a .gguf file or a model folder"
        case .gated(let name, let page, let hasToken):
            "the hub does not hand out \(name)"
                + (hasToken ? " to the owner of HF_TOKEN" : " without a token")
                + ": it is gated or private, or there is no such model; accept its licence at \(page), and set HF_TOKEN to "
                + "a token of that account"
        case .notFound(let what): "the hub has no \(what): check the spelling, and the revision after the @"
        case .nothingUsable(let name, let reason): "\(name): \(reason)"
        case .unreachable(let url, let reason):
            "\(url): \(reason); what has arrived is kept, so run the command again when the network is back "
                + "(HF_ENDPOINT names another hub)"
        case .badAnswer(let url, let reason): "\(url): \(reason); is HF_ENDPOINT right?"
        case .corrupted(let file, let reason): "\(file): \(reason); it was removed: run the command again"
        }
    }

    /// Whether it is the way to the hub that failed rather than the request.
    public var isFailure: Bool {
        switch self {
        case .unreachable, .badAnswer, .corrupted: true
        case .badName, .notHere, .gated, .notFound, .nothingUsable: false
        }
    }
}
