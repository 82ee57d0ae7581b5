/// Which subject plays which part in a report, and the numbers the renderers ask for again and again.
///
/// It computes no statistics: intervals, ratios and p-values are those of the report.
struct Reading {
    let report: RunReport
    /// The model as it came.
    let base: RunReport.Subject?
    /// What everything is compared with: the aligned base, or the base when the run aligned nothing.
    let reference: RunReport.Subject?
    /// The checkpoints by step.
    let checkpoints: [RunReport.Subject]
    /// The subjects with a defence.
    let defences: [RunReport.Subject]
    /// The quantised copies.
    let quantized: [RunReport.Subject]
    /// True when every utility lies between 0 and 1 and so is shown as a percentage.
    let utilityIsShare: Bool

    init(_ report: RunReport) {
        self.report = report
        let base = report.subjects.first { $0.kind == .base }
        self.base = base
        reference = report.subjects.first { $0.kind == .reference } ?? base
        checkpoints = report.subjects.filter { $0.kind == .checkpoint }.sorted { ($0.step ?? 0) < ($1.step ?? 0) }
        var defences = report.subjects.filter { $0.kind == .defence }
        for card in report.defences where !defences.contains(where: { $0.name == card.name }) {
            var axes: [String: RunReport.Rate] = [:]
            axes[Axis.jailbreak] = card.jailbreak
            axes[Axis.overRefusal] = card.overRefusal
            defences.append(RunReport.Subject(name: card.name, kind: .defence, axes: axes, utility: card.utility))
        }
        self.defences = defences
        quantized = report.subjects.filter { $0.kind == .quantized }
        let utilities = report.subjects.compactMap(\.utility) + report.defences.compactMap(\.utility)
        utilityIsShare = utilities.allSatisfy { (0...1).contains($0.value ?? 0) && $0.low >= 0 && $0.high <= 1 }
    }

    /// The last checkpoint of tuning.
    var tuned: RunReport.Subject? { checkpoints.last { $0.step != 0 } }

    /// The tuned model behind a guard.
    var guarded: RunReport.Subject? { report.subjects.last { $0.kind == .guarded } }

    /// The reference that finds rows instead of learning them.
    var retrieved: RunReport.Subject? { report.subjects.last { $0.kind == .retrieval } }

    /// The subjects a reader compares first: base, reference, last checkpoint, that behind a guard, the reference that
    /// looks up, defences.
    var principal: [RunReport.Subject] {
        var seen: Set<String> = []
        let first = [base, reference, tuned, guarded, retrieved].compactMap { $0 }
        return (first + defences).filter { seen.insert($0.name).inserted }
    }

    /// What a subject is to its run, which is the same in a run of another length: `tuned` for the last checkpoint, else
    /// its name.
    func role(of subject: RunReport.Subject) -> String { subject.name == tuned?.name ? "tuned" : subject.name }

    /// A rate or the utility of a subject, with its name where the role does not tell it.
    func text(_ subject: RunReport.Subject, on axis: String) -> String? {
        let text =
            axis == Axis.utility ? utility(of: subject).map(utilityText) : rate(of: subject, on: axis).map(Format.rate)
        return text.map { role(of: subject) == subject.name ? $0 : "\($0) \(subject.name)" }
    }

    /// The utility metric's name, or `utility`.
    var utilityMetric: String {
        report.subjects.compactMap(\.utility).first?.metric ?? "utility"
    }

    /// The comparison of a subject with the reference, or with another base.
    func comparison(
        of subject: RunReport.Subject,
        with base: String? = nil,
        on axis: String = Axis.jailbreak
    ) -> RunReport.Comparison? {
        guard let base = base ?? reference?.name, subject.name != base else { return nil }
        return report.comparisons.first { $0.base == base && $0.subject == subject.name && $0.axis == axis }
    }

    /// The measured rate of a subject; nil when nothing was graded.
    func rate(of subject: RunReport.Subject?, on axis: String = Axis.jailbreak) -> RunReport.Rate? {
        guard let rate = subject?.axes[axis], rate.n > 0, rate.rate?.isFinite == true else { return nil }
        return rate
    }

    /// The measured utility of a subject; nil when there is none.
    func utility(of subject: RunReport.Subject?) -> RunReport.Utility? {
        guard let utility = subject?.utility, utility.n > 0, utility.value?.isFinite == true else { return nil }
        return utility
    }

    /// The utility's value alone.
    func utilityText(_ value: Double?) -> String {
        guard let value else { return Format.dash }
        return utilityIsShare ? Format.percent(value) : Format.plain(value)
    }

    /// The utility with its interval.
    func utilityText(_ utility: RunReport.Utility?) -> String {
        guard let utility, utility.n > 0 else { return Format.dash }
        if utilityIsShare {
            return utilityText(utility.value) + " " + Format.interval(utility.low * 100, utility.high * 100, 1)
        }
        return utilityText(utility.value) + " [" + Format.plain(utility.low) + ", " + Format.plain(utility.high) + "]"
    }
}

extension Reading {
    /// The keys of the axes that the subjects have, jailbreak and over-refusal first, then as the suites are listed.
    var axes: [String] {
        let used = Set(report.subjects.flatMap { $0.axes.keys })
        var seen: Set<String> = []
        let known = [Axis.jailbreak, Axis.overRefusal] + report.suites.map(\.key)
        return (known + used.sorted()).filter { used.contains($0) && seen.insert($0).inserted }
    }

    /// What a gate's rules can be about: the axes, and the utility where it was measured.
    var metrics: [GatePolicy.Metric] {
        let keys = axes + (report.subjects.contains { $0.utility != nil } ? [Axis.utility] : [])
        return keys.map { .init(key: $0, suite: suite($0)?.name) }
    }

    /// The keys of the axes on which a refusal is the hit.
    var refusalAxes: [String] {
        axes.filter { $0 == Axis.overRefusal || suite($0)?.axis == Axis.overRefusal }
    }

    /// The suite whose numbers stand under a key.
    func suite(_ key: String) -> RunReport.Suite? {
        report.suites.first { $0.key == key }
    }

    /// The name of a key's suite, else the key.
    func suiteName(_ key: String) -> String { suite(key)?.name ?? key }

    /// What is measured under a key, and on which suite.
    func title(_ key: String) -> String {
        suite(key).map { "\($0.metric), \($0.name)" } ?? key
    }
}

extension RunReport.Rate {
    /// True when more than a tenth of the answers could not be graded: the rest may then say little about the whole.
    package var isPatchy: Bool { unscored * 10 > n + unscored }

    /// `12 of 60 answers could not be graded`.
    package var unscoredText: String { "\(unscored) of \(n + unscored) answers could not be graded" }
}

extension RunReport.Comparison {
    /// True when the rates clearly differ, as the report's conclusion says. Where there is none, the interval must leave 0
    /// out and the test agree, after Holm's correction where it was made.
    package var isClear: Bool {
        conclusion?.isClear ?? ((low > 0 || high < 0) && (pHolm ?? p ?? 1) < 0.05)
    }

    /// A clear rise.
    package var rises: Bool { isClear && (difference ?? 0) > 0 }

    /// A clear fall.
    package var falls: Bool { isClear && (difference ?? 0) < 0 }
}

/// The keys of the axes that a report speaks of by name.
enum Axis {
    static let jailbreak = "jailbreak"
    static let overRefusal = "over-refusal"
    static let utility = "utility"
}

extension Sequence where Element: Hashable {
    /// Each element once, where it first stands.
    package func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
