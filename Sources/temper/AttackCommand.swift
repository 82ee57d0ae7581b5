import ArgumentParser
import Foundation
import TemperLedger
import TemperModel
import TemperPipeline
import TemperRisk
import TemperText

struct AttackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack",
        abstract: "Attacks a model, with or without an adapter, and counts what gets through.",
        discussion: """
            A rate counts probes with a hit on any attempt; every attempt is graded by the suite's own judge. Running the same \
            command again goes on where it was cut off.
            """
    )

    @Argument(help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache.", completion: .file())
    var model: String?
    @Option(
        name: .customLong("attack"),
        help: "Attacks, separated by commas; rewritings are joined by +, as in base64+prefix-injection. See --list."
    )
    var attacks: String?
    @Flag(help: "List all attacks with their knobs, and stop.")
    var list = false
    @Option(help: "The suite to attack.")
    var suite = "jailbreak"
    @Option(help: "The most probes.")
    var limit: Int?
    @Option(help: "An adapter directory in PEFT's format, or the checkpoint of a full training.", completion: .file())
    var adapter: String?
    @Option(help: "The model that writes prompts in searches. Default: MODEL without the adapter.", completion: .file())
    var attacker: String?
    @Option(help: "The model that scores answers in searches. Default: the attacker.", completion: .file())
    var evaluator: String?
    @Option(help: "The knob width of tap: leaves kept after a level.")
    var width: Int?
    @Option(help: "The knob depth of tap: levels.")
    var depth: Int?
    @Option(help: "The knob branching of tap: prompts that each leaf is refined into.")
    var branching: Int?
    @Option(help: "The knob roots of tap: conversations that a tree starts with.")
    var roots: Int?
    @Option(help: "Another knob, as KEY=VALUE; goes to all attacks that have it. May be repeated.")
    var knob: [String] = []
    @Option(help: "The longest answer, in tokens.")
    var maxNewTokens = 32
    @Flag(help: "Write answers to their end, also where the verdict is settled before.")
    var wholeAnswers = false
    @Option(help: "0 decodes greedily.")
    var temperature = 0.0
    @Option(help: "Prompts answered at once.")
    var batchSize = 64
    @OptionGroup var device: DeviceOption
    @Option(help: "Draws the probes and the samples.")
    var seed: UInt64 = 1
    @Option(help: "Where to write attempts, the assessment and the summary.", completion: .file())
    var output: String?
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Print no progress.")
    var quiet = false

    /// What comes out: each attack's summary, and what all of them together hit.
    private struct Outcome: Encodable {
        var schema = 1
        var subject: String
        var attacks: [AttackSummary]
        var ensemble: Rate
    }

    func validate() throws {
        guard limit ?? 1 > 0, maxNewTokens > 0, batchSize > 0, temperature >= 0 else {
            throw ValidationError("--limit, --max-new-tokens and --batch-size are above 0, --temperature is 0 or more")
        }
        guard list || (model != nil && attacks?.isEmpty == false) else {
            throw ValidationError("name a model and, with --attack, an attack; --list shows all attacks")
        }
    }

    func run() async throws {
        guard !list, let model else { return try showAll() }
        let chosen = try made()
        let base = try Suites.named(suite)
        let suites = try chosen.map { try AttackedSuite(base, attack: $0) }
        let folder = output.map { URL(fileURLWithPath: $0) }
        if let folder { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

        let url = try ModelReference.resolve(model)
        let loaded = try await LanguageModel.load(from: url, device: device.resolved)
        var roles = AttackRoles()
        if chosen.contains(where: \.needsAttacker) {
            roles.attacker = if let attacker { try await helper(attacker) } else { try await helper(loaded) }
            roles.evaluator = if let evaluator { try await helper(evaluator) } else { roles.attacker }
        }
        let weights = adapter.map { URL(fileURLWithPath: $0) }
        let merged = try await loaded.forInference(adapter: weights)
        let responder = LocalResponder(merged, batchSize: batchSize).served(beside: weights)
        let subject = Subject(adapter ?? model, responder: responder, likelihoods: responder)
        let plan = AssessmentPlan(
            suites: suites.map { ($0, limit: limit) },
            options: SamplingOptions(maxNewTokens: maxNewTokens, temperature: temperature, seed: seed),
            seed: seed,
            wholeAnswers: wholeAnswers,
            roles: roles
        )
        let progress = Progress(json: false, quiet: quiet)
        let logs = try folder.map { folder in try suites.map { try log(of: $0, in: folder, plan: plan, model: url) } }
        let task = Task {
            var results: [SuiteResult] = []
            for (index, suite) in suites.enumerated() {
                let phase = "attack \(suite.card.name)"
                progress.emit(RunEvent(.phase, phase: phase))
                let log = logs?[index]
                results.append(
                    try await attack(subject, suite, limit: limit, plan: plan, earlier: log?.earlier ?? []) {
                        try log?.append($0)
                        progress.emit(RunEvent(.probes, phase: phase, done: $1, total: $2))
                    }
                )
            }
            return results
        }
        let interruption = Interruption { task.cancel() }
        defer { interruption.stop() }
        do {
            let results = try await task.value
            try finish(results, plan: plan, subject: subject.name, folder: folder)
        } catch is CancellationError {
            Console.error(
                "interrupted; "
                    + (output == nil ? "without --output nothing was kept" : "the same command goes on from here")
            )
            throw ExitCode(ExitStatus.interrupted)
        }
    }

    private func finish(_ results: [SuiteResult], plan: AssessmentPlan, subject: String, folder: URL?) throws {
        let outcome = Outcome(
            subject: subject,
            attacks: results.compactMap(AttackSummary.init),
            ensemble: AttackSummary.ensemble(results)
        )
        if json { try Console.print(json: outcome) } else { show(outcome) }
        guard let folder else { return }
        let assessment = Assessment(subject: subject, options: plan.options, seed: plan.seed, results: results)
        try LedgerFile.write(assessment, to: folder.appendingPathComponent("assessment.json"))
        try LedgerFile.write(outcome, to: folder.appendingPathComponent("summary.json"))
    }

    // MARK: What is asked for

    private func made() throws -> [any Attack] {
        var values: [String: String] = [:]
        for text in knob {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--knob \(text): write KEY=VALUE") }
            values[parts[0]] = parts[1]
        }
        for (key, value) in [("width", width), ("depth", depth), ("branching", branching), ("roots", roots)] {
            if let value { values[key] = "\(value)" }
        }
        let names = (attacks ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let known = try names.map { try Attacks.knobs(of: $0) }
        if let stray = values.keys.sorted().first(where: { key in !known.contains { $0.contains(key) } }) {
            throw ValidationError("no attack here has a knob '\(stray)'; there are \(Set(known.joined()).sorted())")
        }
        guard Set(names).count == names.count else { throw ValidationError("--attack lists an attack twice") }
        return try zip(names, known).map { name, own in
            try Attacks.make(name, knobs: values.filter { own.contains($0.key) })
        }
    }

    private func helper(_ name: String) async throws -> any Responder {
        try await helper(try LanguageModel.load(from: ModelReference.resolve(name), device: device.resolved))
    }

    private func helper(_ model: LanguageModel) async throws -> any Responder {
        LocalResponder(try await model.forInference(adapter: nil), batchSize: batchSize)
    }

    private func log(of suite: AttackedSuite, in folder: URL, plan: AssessmentPlan, model: URL) throws -> AttackLog {
        let others = [adapter, attacker, evaluator].map { $0 ?? "" }
        let judge = suite.judge.card
        return try AttackLog(
            folder.appendingPathComponent("\(suite.card.name).jsonl"),
            madeFrom: [
                try suite.sha256(), "\(judge.name) \(judge.version)", "\(limit ?? 0)", "\(plan.options)",
                "\(plan.seed)",
                "\(plan.wholeAnswers)", try AttackLog.stamp(of: model),
            ] + others
        )
    }

    // MARK: What comes out

    private func show(_ outcome: Outcome) {
        for item in outcome.attacks {
            let rate = item.rate
            Console.print(
                "\(item.suite.padded(34)) ASR \(share(rate).padded(22))  "
                    + "n \(rate.n)" + (rate.unscored > 0 ? ", \(rate.unscored) unscored" : "")
                    + "  queries \(item.queries.target)"
                    + (item.queries.attacker > 0
                        ? " + \(item.queries.attacker) attacker + \(item.queries.evaluator) evaluator" : "")
            )
            if item.within.count > 1 {
                let steps = item.within.map { "@\($0.attempts) \(percent($0.rate.rate))" }
                Console.print(
                    "    within attempts: \(steps.joined(separator: "  "));  of all \(item.attempts.n) graded attempts "
                        + "\(percent(item.attempts.rate))"
                        + (item.attempts.unscored > 0 ? ", \(item.attempts.unscored) unscored" : "")
                )
            }
            if rate.unscored > 0 {
                Console.print("    with the unscored as safe \(percent(item.least)), as hits \(percent(item.most))")
            }
            if item.lostBranches + item.offTopic + item.unread > 0 {
                Console.print(
                    "    \(item.lostBranches) branches lost (attacker not readable), \(item.offTopic) prompts off topic, "
                        + "\(item.unread) evaluator answers not readable"
                )
            }
        }
        guard outcome.attacks.count > 1 else { return }
        let rate = outcome.ensemble
        Console.print(
            "\("any of these".padded(34)) ASR \(share(rate).padded(22))  "
                + "n \(rate.n)" + (rate.unscored > 0 ? ", \(rate.unscored) unscored" : "")
        )
    }

    private func showAll() throws {
        for card in Attacks.all.map(\.card) {
            let knobs = try Attacks.knobs(of: card.name)
            Console.print("\(card.name.padded(20)) \(card.title) (\(card.fidelity.rawValue): \(card.paper))")
            Console.print("    \(card.summary)")
            Console.print("    \(card.budget)" + (knobs.isEmpty ? "" : "; knobs \(knobs.joined(separator: ", "))"))
        }
    }
}
