import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTune

/// What a run took: counts tokens and seconds by phase, from the events of its trainings and the answers of its
/// subjects.
///
/// `CostAccount` makes arithmetic, energy and money of it. A step that was taken twice, because a run was killed after
/// it, was paid for twice. The controls, what the guarded model answered anew, second judges, the models that help attacks, defences that only
/// change weights, and what a search or a risk budget asks on its way are not counted.
extension Story {
    func cost(_ events: [RunEvent]) throws -> RunReport.Cost? {
        guard let model, !events.isEmpty else { return nil }
        var account = CostAccount(
            parameters: model.configuration.activeParameterCount,
            prices: recipe.cost,
            usesAccelerator: recipe.device.hasPrefix("cuda")
        )
        var trainings: [String: (tokens: Double, read: Int, seconds: Double)] = [:]
        var trained: [String: Int] = [:]
        for event in events {
            if let count = event.parameters { trained[event.phase] = count }
            guard event.kind == .step, let seconds = event.seconds else { continue }
            trainings[event.phase, default: (0, 0, 0)].tokens += (event.tokensPerSecond ?? 0) * seconds
            trainings[event.phase, default: (0, 0, 0)].read += event.readTokens ?? 0
            trainings[event.phase, default: (0, 0, 0)].seconds += seconds
        }
        // In the order of the run; what training starts from was assessed under another name.
        var open = chapters.filter { $0.name != "tuned@0" }
        var lengths: [String: Int] = [:]
        var started: Set<String> = []
        func assess(_ chapter: Chapter) throws {
            var own: [String: Int] = [:]
            let (read, generated) =
                if chapter.kind == .guarded {
                    // What the guard refused never reached the model, and most of the rest had been answered before.
                    (0, 0)
                } else if chapter.kind == .retrieval {
                    try tokens(of: chapter.assessment, &own) { retriever?.shown($0) ?? $0 }
                } else {
                    try tokens(of: chapter.assessment, &lengths)
                }
            account.assess("assess \(chapter.name)", read: read, generated: generated, seconds: chapter.seconds)
        }
        for event in events where started.insert(event.phase).inserted {
            if let training = trainings[event.phase] {
                account.train(
                    event.phase,
                    tokens: Int(training.tokens.rounded()),
                    read: training.read,
                    adapter: adapterSize(event.phase, trained[event.phase]),
                    seconds: training.seconds
                )
            } else if let index = open.firstIndex(where: { "assess \($0.name)" == event.phase }) {
                try assess(open.remove(at: index))
            }
        }
        for chapter in open { try assess(chapter) }
        let cost = account.cost
        return cost.phases.isEmpty ? nil : cost
    }

    /// The parameters of the adapter that a phase trained; nil where it trained all weights.
    private func adapterSize(_ phase: String, _ trained: Int?) -> Int? {
        let settings = phase == "align" ? recipe.align?.settings : recipe.tune.settings
        return settings?.finetuningType == .full ? nil : trained ?? 0
    }

    /// The tokens a subject read, prompts and candidates, and those it generated. Prompts are counted as the model's
    /// own template writes them, once each.
    private func tokens(
        of assessment: Assessment,
        _ lengths: inout [String: Int],
        shown: (Chat) -> Chat = { $0 }
    ) throws -> (read: Int, generated: Int) {
        guard let model, let tokenizer = model.tokenizer else { return (0, 0) }
        func length(_ chat: Chat) -> Int {
            (try? model.promptText(shown(chat))).map { tokenizer.encode($0).count } ?? 0
        }
        var (read, generated) = (0, 0)
        for result in assessment.results {
            guard let suite = suites.first(where: { $0.card.name == result.suite }) else { continue }
            let probes = Dictionary(try suite.probes(limit: nil, seed: 0).map { ($0.id, $0) }) { first, _ in first }
            for attempt in result.attempts {
                if let attack = attempt.attack {
                    for trial in attack.trials {
                        read += length(trial.chat)
                        generated += trial.answer.tokenCount
                    }
                    continue
                }
                generated += attempt.tokenCount
                let key = attempt.promptSHA256
                if let known = lengths[key] {
                    read += known
                } else if let probe = probes[attempt.probeID] {
                    // Every candidate is read after the prompt.
                    let prompt = length(probe.chat)
                    let candidates = probe.candidates.reduce(0) { $0 + prompt + tokenizer.encode($1).count }
                    lengths[key] = probe.candidates.isEmpty ? prompt : candidates
                    read += lengths[key] ?? 0
                }
            }
        }
        return (read, generated)
    }
}
