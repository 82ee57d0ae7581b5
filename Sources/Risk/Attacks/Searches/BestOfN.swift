import TemperText

/// Many random disfigurements of one request.
///
/// Hughes et al. 2024 (arXiv 2412.03556), section 2: with strength sigma, the inner letters of words are scrambled with
/// probability sigma^(1/2), letters change case with sigma^(1/2), and printable characters move by one code point with
/// sigma^3. The paper samples answers at temperature 1 and stops at the first success; here answers are decoded as the
/// assessment's are, and all N are asked, so that ASR@k can be read for every k.
struct BestOfN: Attack {
    static let standardCard = AttackCard(
        name: "best-of-n",
        title: "Best of N",
        paper: "Hughes et al. 2024, arXiv 2412.03556",
        fidelity: .simplified,
        summary: """
            N (16) random disfigurements of the request: scrambled words, changed case, shifted characters. All are asked, and \
            answers are decoded as in the whole assessment; the paper goes up to 10 000 at temperature 1.
            """,
        budget: "N queries of the subject"
    )

    static let method = Attacks.Method.search(standardCard) { knobs in
        BestOfN(
            count: try knobs.count("n", default: 16, in: 1...10_000),
            sigma: try knobs.number("sigma", default: 0.4, in: 0...1)
        )
    }

    var count: Int
    var sigma: Double

    var card: AttackCard { Self.standardCard }
    var identity: String { "best-of-n 1 n=\(count) sigma=\(sigma)" }
    var mostQueries: AttackQueries { AttackQueries(target: count) }
    var requestForm: RequestForm { .rewritten }

    func run(_ session: inout AttackSession) async throws {
        var questions: [AttackSession.Question] = []
        for (index, probe) in session.probes.enumerated() {
            for _ in 0..<count {
                let text = disfigured(probe.chat.lastUserText, &session.generator)
                questions.append(.init(probe: index, chat: probe.chat.replacingRequest(text)))
            }
        }
        let answers = try await session.ask(.target, questions, stopsEarly: true)
        for (question, answer) in zip(questions, answers) {
            session.note(question.probe) { $0.trials.append(AttackTrial(chat: question.chat, answer: answer)) }
        }
    }

    /// One disfigurement of a text; as many characters as before.
    func disfigured(_ text: String, _ generator: inout SplitMix64) -> String {
        let often = sigma.squareRoot()
        let seldom = sigma * sigma * sigma
        var words: [String] = []
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            var letters = Array(word)
            if letters.count > 3, generator.unit() < often {
                let inner = Array(letters[1..<letters.count - 1])
                letters.replaceSubrange(
                    1..<letters.count - 1,
                    with: generator.permutation(of: inner.count).map { inner[$0] }
                )
            }
            words.append(String(letters))
        }
        var result = ""
        for character in words.joined(separator: " ") {
            var character = character
            if character.isLetter, character.isASCII, generator.unit() < often {
                character = Character(character.isUppercase ? character.lowercased() : character.uppercased())
            }
            if let value = character.asciiValue, (33...126).contains(value), generator.unit() < seldom {
                let moved = generator.below(2) == 0 ? value - 1 : value + 1
                if (33...126).contains(moved) { character = Character(UnicodeScalar(moved)) }
            }
            result.append(character)
        }
        return result
    }
}
