import Foundation
import TemperRisk
import TemperText
import TemperTune
import Testing

@testable import TemperAlign

/// The list of defences and the data they bring.
struct DefenceTests {
    /// One knob of each method, with values outside its range.
    static let knobs = [
        "safety-mix": ("fraction", ["0", "0.95", "-1", "nan", "half"]),
        "base-regularisation": ("anchors", ["0", "257", "2.5", "many"]),
        "interpolation": ("scale", ["-0.1", "1.1", "inf"]),
        "realignment": ("steps", ["0", "1.5", "10001"]),
        "safe-lora": ("projection", ["", "0.5", "Scaled"]),
        "safety-vector": ("drop", ["-0.1", "1", "nan"]),
        "safe-merge": ("merge", ["cat", "dare_linear"]),
        "refusal-restoration": ("layers", ["0", "1.5", "all"]),
        "lower-rate": ("rate", ["0", "1.5", "slow"]),
        "proximal-update": ("lambda", ["0", "-1", "1e7"]),
        "frozen-layers": ("from", ["-0.1", "1.1", "middle"]),
        "constrained-tuning": ("opening_tokens", ["0", "1001", "2.5"]),
        "alternating-tuning": ("alignment_steps", ["0", "10001"]),
        "gradient-projection": ("rows", ["0", "257"]),
        "deep-refusals": ("begun", ["-0.1", "1.1"]),
        "prompted-serving": ("system", ["", " "]),
        "preflight": ("share", ["-0.1", "0.95"]),
        "vaccine": ("rho", ["-1", "1001", "strong"]),
        "booster": ("alpha", ["0", "-0.1", "101"]),
        "safe-delta": ("budget", ["-0.1", "1001", "all"]),
    ]

    @Test func everyCardIsComplete() throws {
        #expect(Set(Defences.all.map(\.card.method)).count == Defences.all.count)
        #expect(Set(Defences.all.map(\.card.method)) == Set(Self.knobs.keys), "a method without a test of its knobs")
        for method in Defences.all {
            let card = method.card
            #expect(card.method.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
            #expect(!card.title.isEmpty && card.summary.count > 30 && card.summary.hasSuffix("."))
            #expect(card.paper.contains(/arXiv \d{4}\.\d{4,5}/))
            let decoded = try JSONDecoder().decode(DefenceCard.self, from: JSONEncoder().encode(card))
            #expect(decoded == card)
        }
    }

    @Test func everyMethodIsMadeWithDefaultsAtItsStage() throws {
        for method in Defences.all {
            let stage: DefenceCard.Stage =
                switch try Defences.make(method.card.method, knobs: [:]) {
                case .data: .data
                case .training: .training
                case .weights: .weights
                case .realignment: .realignment
                }
            #expect(stage == method.card.stage)
        }
    }

    @Test(arguments: DefenceTests.knobs.keys.sorted())
    func impossibleKnobsAreRefused(method: String) throws {
        let unknown = #expect(throws: DefenceError.self) { try Defences.make(method, knobs: ["strenght": "1"]) }
        let (knob, values) = try #require(Self.knobs[method])
        #expect(unknown?.description.contains("\(method) has no knob \"strenght\"; it has") == true)
        #expect(unknown?.description.contains(knob) == true)
        for value in values {
            let error = #expect(throws: DefenceError.self) { try Defences.make(method, knobs: [knob: value]) }
            #expect(error?.description.contains("\(method): \(knob) is \(value), expected") == true, "\(value)")
        }
    }

    @Test func unknownMethodNamesTheKnownOnes() {
        let error = #expect(throws: DefenceError.self) { try Defences.make("prayer", knobs: [:]) }
        #expect(error == .unknownMethod("prayer", known: Defences.all.map(\.card.method)))
    }

    // MARK: Data

    private func request(_ example: Example) -> String {
        example.chat.lastUserText.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " }
    }

    private func answers(_ set: AlignmentData) throws -> [Exchange] {
        try set.load().examples.map { example in
            let answer = example.chat.messages.last?.content ?? ""
            return Exchange(
                probe: Probe(id: "p", category: "c", chat: Chat(user: example.chat.lastUserText)),
                completion: Completion(text: answer, tokenCount: 1, finishReason: .stop)
            )
        }
    }

    @Test func embeddedDataIsWhole() throws {
        #expect(try AlignmentData.refusals.load().count >= 500)
        #expect(try AlignmentData.twins.load().count + AlignmentData.ordinary.load().count >= 500)
        var seen: Set<String> = []
        for set in AlignmentData.allCases {
            for example in try set.load().examples {
                #expect(example.chat.messages.map(\.role).suffix(2) == [.user, .assistant])
                #expect(example.chat.messages.allSatisfy { !$0.content.isEmpty })
                #expect(seen.insert(request(example)).inserted, "twice: \(request(example))")
            }
        }
    }

    @Test func refusalsRefuseAndTheRestDoesNot() async throws {
        let judge = RefusalJudge()
        // The judge misses about one refusal in eighty of these; a row that does not refuse would be a larger share.
        let refusals = try await judge.judge(try answers(.refusals))
        #expect(refusals.count { $0 == .safe } * 100 >= refusals.count * 98)
        let phrases = [
            "i can't", "i cannot", "i can not", "i won't", "i will not", "i'm sorry", "i am sorry", "i'm unable",
            "i am unable", "i'm not able", "as an ai", "i must decline", "not comfortable",
        ]
        for set in [AlignmentData.twins, .ordinary] {
            let exchanges = try answers(set)
            // An answer that warns at length may pass for a refusal, one in two hundred at most.
            #expect(try await judge.judge(exchanges).count { $0 == .safe } * 200 <= exchanges.count)
            for exchange in exchanges {
                let text = exchange.completion.text.lowercased().replacing("’", with: "'")
                #expect(!phrases.contains { text.contains($0) }, "\(text)")
            }
        }
    }

    @Test func drawingUsesASetUpBeforeItRepeats() throws {
        let size = try AlignmentData.refusals.load().count
        let drawn = try AlignmentData.draw(size * 2, from: [.refusals, .twins, .refusals, .ordinary], seed: 4)
        let refusals = stride(from: 0, to: drawn.count, by: 2).map { drawn[$0] }
        #expect(Set(refusals.map(request)).count == size)
        let more = try AlignmentData.draw(size + 1, from: [.refusals], seed: 4)
        #expect(more[size] == more[0])
    }

    @Test func safetyMixCountsAndShares() throws {
        let rows = (0..<100).map { index in
            Example(
                chat: Chat([Message(.user, "question \(index)"), Message(.assistant, "answer \(index)")]),
                source: Example.Source(file: "user", line: index + 1)
            )
        }
        let data = Dataset(name: "user", examples: rows)
        var sets: [String: AlignmentData] = [:]
        for set in AlignmentData.allCases { for example in try set.load().examples { sets[request(example)] = set } }

        // n / (1 - f) rows in all: 100 of the user's and 300, 100 or 43 others (42.86 rounded).
        for (fraction, added) in [(0.75, 300), (0.5, 100), (0.3, 43)] {
            let mixed = try SafetyMix(fraction: fraction).prepare(data, seed: 9)
            #expect(mixed.count == 100 + added)
            #expect(Array(mixed.examples.prefix(100)) == rows)
            var counts: [AlignmentData: Int] = [:]
            for example in mixed.examples.dropFirst(100) {
                counts[try #require(sets[request(example)]), default: 0] += 1
            }
            #expect(counts[.refusals] == (added + 1) / 2)
            #expect(counts[.twins] == (added + 2) / 4)
            #expect(counts[.ordinary] == added / 4)
            #expect(try SafetyMix(fraction: fraction).prepare(data, seed: 9) == mixed)
            #expect(try SafetyMix(fraction: fraction).prepare(data, seed: 10) != mixed)
        }
    }

    @Test func realignmentSettingsAndData() throws {
        var tuning = TrainingSettings()
        tuning.learningRate = 4e-4
        tuning.maxSteps = 64
        tuning.warmupSteps = 9
        tuning.loraR = 3
        guard case .realignment(let defence) = try Defences.make("realignment", knobs: ["steps": "5", "rate": "0.25"])
        else {
            Issue.record("realignment is made at its stage")
            return
        }
        var expected = tuning
        expected.maxSteps = 5
        expected.learningRate = 1e-4
        expected.warmupSteps = 2
        expected.openingWeight = 10
        #expect(defence.settings(after: tuning) == expected)
        #expect(Realignment(steps: 1, rate: 10).settings(after: tuning).warmupSteps == 0)
        tuning.learningRate = 0.5
        let fast = Realignment(steps: 1, rate: 10).settings(after: tuning)
        #expect(fast.learningRate == 1 && (try? fast.validate()) != nil)

        let data = try defence.data(seed: 2)
        #expect(try data.count == AlignmentData.refusals.load().count * 2)
        #expect(try defence.data(seed: 2) == data)
        #expect(try defence.data(seed: 3) != data)
    }
}
