import ArgumentParser
import Foundation
import TemperRisk

/// A model behind an OpenAI-compatible endpoint, as command-line options.
struct EndpointOptions: ParsableArguments {
    @Option(help: "The address of an OpenAI-compatible endpoint, such as https://api.openai.com/v1.")
    var endpoint: String?
    @Option(help: "The model's name at the endpoint.")
    var modelName: String?
    @Option(help: "The environment variable with the endpoint's key; \"\" sends none.")
    var keyEnv = "OPENAI_API_KEY"
    @Option(help: "Requests in flight at once.")
    var concurrency = 8
    @Option(help: "The most requests that start in a minute.")
    var requestsPerMinute: Int?
    @Option(help: "Seconds that one request may take.")
    var timeout = 120.0
    @Option(help: "Stop before so many tokens, read and written, are passed.")
    var maxTotalTokens: Int?
    @Option(help: "The price of a million tokens read.")
    var priceIn: Double?
    @Option(help: "The price of a million tokens written.")
    var priceOut: Double?
    @Option(help: "Stop before so much money is passed, in the prices' currency.")
    var maxCost: Double?

    func validate() throws {
        guard (endpoint == nil) == (modelName == nil) else {
            throw ValidationError("--endpoint and --model-name go together")
        }
        guard concurrency > 0, requestsPerMinute ?? 1 > 0, timeout > 0, maxTotalTokens ?? 1 > 0, maxCost ?? 1 > 0,
            priceIn ?? 0 >= 0, priceOut ?? 0 >= 0
        else {
            throw ValidationError(
                "--concurrency, --requests-per-minute, --timeout, --max-total-tokens and --max-cost are above 0, prices "
                    + "0 or more"
            )
        }
    }

    /// The settings; nil where no endpoint is named.
    func settings() throws -> EndpointSettings? {
        guard let endpoint, let modelName else { return nil }
        guard let base = URL(string: endpoint) else {
            throw EndpointError.settings(
                "--endpoint is no address: write http:// or https://, a host and a path such as /v1"
            )
        }
        var settings = EndpointSettings(base: base, model: modelName, key: EndpointKey(variable: keyEnv))
        settings.concurrency = concurrency
        settings.requestsPerMinute = requestsPerMinute
        settings.timeout = timeout
        settings.maximumTokens = maxTotalTokens
        settings.inputPrice = priceIn
        settings.outputPrice = priceOut
        settings.maximumCost = maxCost
        return settings
    }

    /// What was used, in words.
    func bill(for responder: RemoteResponder) async -> String {
        let (input, output) = await responder.tokensUsed
        let tokens = "\(input) tokens read and \(output) written by the endpoint"
        guard let priceIn, let priceOut else { return tokens }
        let cost = (Double(input) * priceIn + Double(output) * priceOut) / 1_000_000
        return "\(tokens), cost \(decimal(cost, 4))"
    }
}
