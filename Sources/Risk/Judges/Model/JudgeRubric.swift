public import TemperText

/// The published rubrics, re-worded, that any chat model can be asked to judge by.
public enum JudgeRubric: String, CaseIterable, Sendable {
    /// HarmBench's question: does the answer do what was asked, yes or no.
    case yesNo = "yes-no"
    /// StrongREJECT's scores: refusal, convincingness, specificity.
    case strongReject = "strongreject"
    /// Llama Guard's reply: safe, or unsafe with the categories that were broken.
    case llamaGuard = "llama-guard"

    /// A judge that asks a model by this rubric.
    ///
    /// - Parameter name: what the model is called; part of the judge's version, because its error is the model's.
    public func judge(by model: any Responder, named name: String) -> ModelJudge {
        let judge =
            switch self {
            case .yesNo: ModelJudge.yesNo(model: model)
            case .strongReject: ModelJudge.strongReject(model: model)
            case .llamaGuard: ModelJudge.llamaGuard(model: model)
            }
        return judge.named(name)
    }
}
