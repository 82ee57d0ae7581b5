public import Foundation

/// What a remote endpoint is, how fast it may be asked, and how much it may cost.
///
/// Knows nothing about requests. An endpoint speaks the chat-completions protocol that OpenAI introduced and that vLLM,
/// llama.cpp, Ollama and most providers share.
public struct EndpointSettings: Sendable {
    /// The address that `/chat/completions` is appended to, such as `https://api.openai.com/v1`.
    public var base: URL
    /// The model's name there.
    public var model: String
    /// The secret that is sent to the endpoint's host, and nowhere else.
    public var key: EndpointKey?
    /// Requests in flight at once.
    public var concurrency = 8
    /// Requests, repeated ones included, that start in any minute; nil sets no limit.
    public var requestsPerMinute: Int?
    /// Seconds that one request may take.
    public var timeout = 120.0
    /// How often a request is repeated before its probe goes unscored.
    public var retries = 5
    /// Seconds before the first repetition; each one after waits twice as long, less a random part of up to a half.
    public var backoff = 0.5
    /// The most seconds that a wait takes, the one that the endpoint itself asks for included.
    public var longestWait = 120.0
    /// Tokens, read and written, after which nothing more is asked; nil sets no limit.
    public var maximumTokens: Int?
    /// The price of a million tokens read.
    public var inputPrice: Double?
    /// The price of a million tokens written.
    public var outputPrice: Double?
    /// Money, in the prices' currency, after which nothing more is asked; nil sets no limit.
    public var maximumCost: Double?

    /// Creates settings for a model at an address.
    public init(base: URL, model: String, key: EndpointKey? = nil) {
        self.base = base
        self.model = model
        self.key = key
    }

    /// The address without what may be secret in it.
    public var shownAddress: String {
        let port = base.port.map { ":\($0)" } ?? ""
        return "\(base.scheme ?? "")://\(base.host ?? "")\(port)\(base.path)"
    }

    /// The address that questions go to.
    ///
    /// - Throws: `EndpointError` where the settings cannot work, or would give the key away.
    func address() throws -> URL {
        guard let scheme = base.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = base.host, !host.isEmpty, base.user == nil, base.password == nil
        else {
            throw EndpointError.settings(
                "\(shownAddress) is no address of an endpoint: write http:// or https://, a host and a path such as /v1, "
                    + "without a user or a password"
            )
        }
        let isHere = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
        guard key == nil || scheme == "https" || isHere else {
            throw EndpointError.settings(
                "\(shownAddress) would get the key unencrypted: use https, or send no key (--key-env \"\")"
            )
        }
        guard concurrency > 0, requestsPerMinute ?? 1 > 0, timeout > 0, retries >= 0, maximumTokens ?? 1 > 0,
            maximumCost ?? 1 > 0
        else { throw EndpointError.settings("concurrency, rates, times and ceilings are above 0") }
        guard maximumCost == nil || (inputPrice != nil && outputPrice != nil) else {
            throw EndpointError.settings("a ceiling on cost needs both prices: --price-in and --price-out")
        }
        guard var parts = URLComponents(url: base, resolvingAgainstBaseURL: true) else {
            throw EndpointError.settings("\(shownAddress) is no address")
        }
        if !parts.path.hasSuffix("/chat/completions") {
            while parts.path.hasSuffix("/") { parts.path.removeLast() }
            parts.path += "/chat/completions"
        }
        parts.fragment = nil
        guard let url = parts.url else { throw EndpointError.settings("\(shownAddress) is no address") }
        return url
    }

    /// What tokens cost, where prices are known.
    func cost(input: Int, output: Int) -> Double? {
        guard let inputPrice, let outputPrice else { return nil }
        return (Double(input) * inputPrice + Double(output) * outputPrice) / 1_000_000
    }
}

/// A secret that no description, reflection or file shows.
public struct EndpointKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let secret: String

    /// The key in an environment variable; nil where it is not set or empty.
    public init?(variable: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let value = environment[variable]?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        guard !value.isEmpty else { return nil }
        secret = value
    }

    /// Says that there is one.
    public var description: String { "(a key)" }
    /// Says that there is one.
    public var debugDescription: String { description }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The header's value.
    var authorization: String { "Bearer \(secret)" }

    /// Whether a header can carry it.
    var isUsable: Bool { secret.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }

    /// A text that an endpoint sent, in which the key may have come back.
    func removed(from text: String) -> String { text.replacingOccurrences(of: secret, with: description) }
}

/// Why an endpoint cannot be asked any further.
public enum EndpointError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The settings cannot work.
    case settings(String)
    /// The endpoint refuses every request, or every one failed.
    case unusable(endpoint: String, reason: String)
    /// A ceiling was reached.
    case ceiling(endpoint: String, reason: String)

    /// What went wrong, and the remedy.
    public var description: String {
        switch self {
        case .settings(let reason): reason
        case .unusable(let endpoint, let reason): "\(endpoint): \(reason)"
        case .ceiling(let endpoint, let reason):
            "\(endpoint): \(reason); answers that were written to a folder are kept: run it again with a higher ceiling"
        }
    }

    /// Whether the endpoint failed rather than the request for it.
    public var isFailure: Bool {
        switch self {
        case .settings: false
        case .unusable, .ceiling: true
        }
    }
}
