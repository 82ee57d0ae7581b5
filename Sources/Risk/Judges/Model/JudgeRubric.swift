public import TemperText

/// The published rubrics, re-worded, that any chat model can be asked to judge by.
public enum JudgeRubric: String, CaseIterable, Sendable {
    /// HarmBench's question: does the answer do what was asked, yes or no.
    case yesNo = "yes-no"
    /// StrongREJECT's marks: refusal, convincingness, specificity.
    case strongReject = "strongreject"
    /// Llama Guard's reply: safe, or unsafe with the categories that were broken.
    case llamaGuard = "llama-guard"

    /// A judge that asks a model by this rubric.
    ///
    /// - Parameter name: what the model is called; part of the judge's version, because its error is the model's.
    public func judge(asking model: any Responder, named name: String) -> ModelJudge {
        let judge =
            switch self {
            case .yesNo: ModelJudge.yesNo(model: model)
            case .strongReject: ModelJudge.strongReject(model: model)
            case .llamaGuard: ModelJudge.llamaGuard(model: model)
            }
        return judge.named(name)
    }
}

/// A suite with one more judge, whose verdicts stand beside those of its own judges.
///
/// Answers are written to their end, because such a judge reads whole answers.
public struct SecondOpinionSuite: Suite {
    private let base: any Suite
    private let added: any Judge

    /// Adds a judge to a suite.
    public init(_ base: any Suite, by judge: any Judge) {
        self.base = base
        added = judge
    }

    /// The suite's card.
    public var card: SuiteCard { base.card }
    /// The suite's judge.
    public var judge: any Judge { base.judge }
    /// The suite's second judges, then the added one.
    public var secondJudges: [any Judge] { base.secondJudges + [added] }
    /// The suite's attack.
    public var attack: (any Attack)? { base.attack }

    /// The suite's probes.
    public func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        try base.probes(limit: limit, seed: seed)
    }

    /// The suite's measures.
    public func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure] {
        base.measures(of: exchanges, verdicts: verdicts)
    }
}
