/// `trainer_state.json` in the layout of Hugging Face's Trainer, with the safety of every checkpoint in its log.
///
/// What the report does not know, such as the rows of a run of an earlier version, is left out: readers have defaults.
struct TrainerState {
    let reading: Reading

    /// A line of the log.
    private struct Entry {
        var step: Int
        var isEvaluation: Bool
        var content: JSONText
    }

    /// The document.
    var text: String {
        let points = reading.report.training.filter { $0.phase == "tune" }
        var entries = points.map { point in
            Entry(
                step: point.step,
                isEvaluation: false,
                content: .object(present: [
                    ("step", .integer(point.step)), ("epoch", epoch(point.step)), ("loss", .number(point.loss)),
                    ("grad_norm", .number(point.gradientNorm)), ("learning_rate", .number(point.learningRate)),
                    ("tokens_per_second", .number(point.tokensPerSecond)),
                ])
            )
        }
        entries += reading.checkpoints.map {
            Entry(step: $0.step ?? 0, isEvaluation: true, content: evaluation(of: $0))
        }
        entries.sort { ($0.step, $0.isEvaluation ? 1 : 0) < ($1.step, $1.isEvaluation ? 1 : 0) }
        let log = entries.map(\.content)
        // Of a tuning that went back, the step that was kept.
        let last =
            tuning?.steps ?? max(points.map(\.step).max() ?? 0, reading.checkpoints.compactMap(\.step).max() ?? 0)
        let flops = reading.report.cost?.phases.first { $0.name == "tune" && $0.work == .training }?.flops
        let document: JSONText = .object(present: [
            ("best_metric", .null),
            ("best_model_checkpoint", .null),
            ("epoch", epoch(last)),
            ("global_step", .integer(last)),
            ("is_hyper_param_search", .bool(false)),
            ("is_local_process_zero", .bool(true)),
            ("is_world_process_zero", .bool(true)),
            ("log_history", .list(log)),
            ("logging_steps", .integer(1)),
            ("max_steps", .integer(tuning?.plannedSteps ?? last)),
            ("num_train_epochs", epochs.map { .number($0) }),
            ("total_flos", flops.map { .number($0) }),
            ("trial_name", .null),
            ("trial_params", .null),
        ])
        return document.text
    }

    private var tuning: RunReport.Training? { reading.report.tuning }

    /// How often the data was seen by then.
    private func epoch(_ step: Int) -> JSONText? { tuning?.passes(after: step).map { .number($0) } }

    /// The recipe's passes over the data, or where steps were asked for, what they come to.
    private var epochs: Double? {
        if let asked = tuning?.settings["num_train_epochs"].flatMap({ Double($0) }) { return asked }
        return tuning.flatMap { $0.passes(after: $0.plannedSteps ?? $0.steps) }
    }

    private func evaluation(of subject: RunReport.Subject) -> JSONText {
        let step = subject.step ?? 0
        var members: [(key: String, value: JSONText)] = [("step", .integer(step))]
        if let passes = epoch(step) { members.append(("epoch", passes)) }
        for (key, _, rate) in reading.measuredRates(of: subject) {
            let name = Self.name(key)
            members.append((name.value, .number(rate.rate)))
            members.append((name.stem + "_ci_low", .number(rate.low)))
            members.append((name.stem + "_ci_high", .number(rate.high)))
            members.append((name.stem + "_n", .integer(rate.n)))
        }
        return .object(members)
    }

    /// `eval_safety_jailbreak_asr`, `eval_over_refusal`, `eval_utility`, and `eval_safety_AXIS_rate` for the others.
    static func name(_ key: String) -> (stem: String, value: String) {
        let plain = ModelCard.slug(key)
        if key == Axis.utility || key.hasPrefix(Axis.overRefusal) { return ("eval_\(plain)", "eval_\(plain)") }
        let stem = "eval_safety_\(plain)"
        return (stem, stem + (key.hasPrefix(Axis.jailbreak) ? "_asr" : "_rate"))
    }
}
