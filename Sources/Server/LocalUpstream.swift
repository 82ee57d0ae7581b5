import TemperText

/// A model in this process behind the guard.
///
/// It writes an answer as a whole; a stream gets it in pieces afterwards, through the same gate as any other. Knows nothing
/// about where the model came from.
struct LocalUpstream: Upstream {
    let responder: any Responder
    let name: String
    let maximumTokens: Int

    func answer(_ question: Question) async throws -> TemplateValue {
        let completions = try await completions(question)
        let choices = completions.enumerated().map { index, completion -> TemplateValue in
            [
                "index": .int(index), "message": ["role": "assistant", "content": .string(completion.text)],
                "finish_reason": .string(completion.finishReason == .length ? "length" : "stop"),
            ]
        }
        return ["choices": .array(choices), "usage": Self.usage(completions)]
    }

    func stream(_ question: Question) async throws -> AnswerPieces {
        let completions = try await completions(question)
        var pieces: [TemplateValue] = []
        for (index, completion) in completions.enumerated() {
            var rest = Substring(completion.text)
            while !rest.isEmpty {
                let part = rest.prefix(80)
                rest = rest.dropFirst(80)
                pieces.append(["choices": [["index": .int(index), "delta": ["content": .string(String(part))]]]])
            }
            let reason: TemplateValue = completion.finishReason == .length ? "length" : "stop"
            pieces.append(["choices": [["index": .int(index), "delta": [:], "finish_reason": reason]]])
        }
        pieces.append(["choices": [], "usage": Self.usage(completions)])
        let all = pieces
        return AnswerPieces {
            let queue = Queue(all)
            return { await queue.next() }
        }
    }

    func models() async throws -> TemplateValue { ModelList.of([name]) }

    func close() async throws {}

    private actor Queue {
        private var pieces: ArraySlice<TemplateValue>
        init(_ pieces: [TemplateValue]) { self.pieces = pieces[...] }
        func next() -> TemplateValue? { pieces.popFirst() }
    }

    private func completions(_ question: Question) async throws -> [Completion] {
        guard question.form == .chat else {
            throw APIError.request("A local model answers /v1/chat/completions only.", code: "unsupported_endpoint")
        }
        if let key = ["tools", "functions", "response_format"].first(where: { question[$0] != nil }) {
            throw APIError.request(
                "A local model does not take '\(key)'.",
                code: "unsupported_parameter",
                parameter: key
            )
        }
        let options = try Self.options(question, most: maximumTokens)
        do {
            let chats = Array(repeating: question.chat, count: question.choices)
            let completions = try await responder.respond(to: chats, options: options)
            guard completions.count == chats.count, !completions.contains(where: { $0.finishReason == .failed }) else {
                throw APIError.upstream("The model gave no answer.", code: "upstream_model")
            }
            return completions
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError.upstream("The model gave no answer: is the conversation too long?", code: "upstream_model")
        }
    }

    private static func options(_ question: Question, most: Int) throws(APIError) -> SamplingOptions {
        func number(_ key: String, _ standard: Double, _ range: ClosedRange<Double>) throws(APIError) -> Double {
            guard let value = question[key] else { return standard }
            guard let number = value.number, range.contains(number) else {
                throw .request(
                    "\(key) lies between \(range.lowerBound) and \(range.upperBound).",
                    parameter: key
                )
            }
            return number
        }
        let limit = question["max_completion_tokens"] == nil ? "max_tokens" : "max_completion_tokens"
        return SamplingOptions(
            maxNewTokens: Int(try number(limit, Double(min(256, most)), 1...Double(most))),
            temperature: try number("temperature", 0, 0...2),
            topK: Int(try number("top_k", 0, 0...1_000_000)),
            topP: try number("top_p", 1, 0.001...1),
            seed: UInt64(try number("seed", 0, 0...9_007_199_254_740_992))
        )
    }

    private static func usage(_ completions: [Completion]) -> TemplateValue {
        ["completion_tokens": .int(completions.reduce(0) { $0 + $1.tokenCount })]
    }
}
