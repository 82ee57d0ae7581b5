import Foundation
import TemperText

/// The form of a question to an endpoint, and of its answer.
///
/// Knows nothing about connections. A conversation that ends with the assistant's turn goes out as it is: endpoints
/// that can continue a turn do so.
enum ChatCompletion {
    /// The body of a request.
    struct Question: Encodable {
        struct Turn: Encodable {
            var role: String
            var content: String
        }

        var model: String
        var messages: [Turn]
        var max_tokens: Int?
        var max_completion_tokens: Int?
        var temperature: Double
        var top_p: Double?
        var top_k: Int?
        var seed: Int?
    }

    /// What came back.
    enum Reply: Sendable {
        case answer(Completion, EndpointPace.Usage?)
        /// The endpoint answered that it does not answer.
        case withheld(String, EndpointPace.Usage?)
    }

    private struct Body: Decodable {
        struct Choice: Decodable {
            struct Message: Decodable {
                var content: Content?
                var refusal: String?
            }
            var message: Message?
            var finish_reason: String?
        }
        struct Usage: Decodable {
            var prompt_tokens: Int?
            var completion_tokens: Int?
        }
        var choices: [Choice]
        var usage: Usage?
    }

    /// A text, or a list of parts of which some are texts.
    private enum Content: Decodable {
        case text(String)

        private struct Part: Decodable { var text: String? }

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self = .text(text)
            } else {
                self = .text(try value.decode([Part].self).compactMap(\.text).joined())
            }
        }
    }

    private struct Failure: Decodable {
        struct Detail: Decodable {
            var message: String?
            var code: String?

            private enum CodingKeys: String, CodingKey { case message, code, type }

            init(from decoder: any Decoder) throws {
                if let text = try? decoder.singleValueContainer().decode(String.self) {
                    message = text
                    return
                }
                let values = try decoder.container(keyedBy: CodingKeys.self)
                message = try? values.decode(String.self, forKey: .message)
                code =
                    (try? values.decode(String.self, forKey: .code)) ?? (try? values.decode(String.self, forKey: .type))
            }
        }
        var error: Detail?
        var message: String?
        var detail: Detail?
    }

    /// Reads a successful answer; throws where it is none.
    static func reply(_ data: Data) throws -> Reply {
        let body = try JSONDecoder().decode(Body.self, from: data)
        guard let choice = body.choices.first, let message = choice.message else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "there is no choice"))
        }
        let usage = body.usage.flatMap { usage -> EndpointPace.Usage? in
            guard let input = usage.prompt_tokens, let output = usage.completion_tokens, input >= 0, output >= 0,
                input < 1 << 40, output < 1 << 40
            else { return nil }
            return EndpointPace.Usage(input: input, output: output)
        }
        if choice.finish_reason == "content_filter" {
            return .withheld("the endpoint's content filter withheld the answer", usage)
        }
        var text = message.refusal ?? ""
        if case .text(let content)? = message.content, !content.isEmpty { text = content }
        let completion = Completion(
            text: text,
            tokenCount: usage?.output ?? 0,
            finishReason: choice.finish_reason == "length" ? .length : .stop
        )
        return .answer(completion, usage)
    }

    /// What the body of an error says: a message, at most a few hundred characters, and a code.
    static func error(_ data: Data) -> (message: String, code: String?) {
        guard let body = try? JSONDecoder().decode(Failure.self, from: data) else {
            return (shortened(String(decoding: data.prefix(1000), as: UTF8.self)), nil)
        }
        let detail = body.error ?? body.detail
        return (shortened(detail?.message ?? body.message ?? ""), detail?.code)
    }

    private static func shortened(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 300 ? line.prefix(300) + "…" : line
    }
}
