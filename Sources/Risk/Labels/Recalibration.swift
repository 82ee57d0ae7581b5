/// A judge's error on a user's own subjects, from a person's labels.
///
/// Knows nothing about how labels were given. Labelled exchanges were drawn in strata of subject and verdict, so each counts
/// as many as its stratum has for every one labelled (Horvitz and Thompson 1952); counting them plainly would favour the
/// verdict that was drawn more often. The intervals are Wilson's with the effective number of labels, (sum w)^2 / sum w^2
/// (Kish 1965).
public struct Recalibration: Codable, Sendable {
    /// One stratum.
    public struct Stratum: Codable, Sendable, Hashable {
        /// The subject.
        public var subject: String
        /// The judge's verdict.
        public var verdict: Verdict
        /// How many exchanges it has.
        public var count: Int
        /// How many a person called unsafe.
        public var unsafe: Int
        /// How many a person called safe.
        public var safe: Int
        /// For how many exchanges one label stands; nil without labels.
        public var weight: Double?
    }

    /// One subject's rate before and after the correction.
    public struct Corrected: Codable, Sendable, Hashable {
        /// The subject.
        public var subject: String
        /// The share of `unsafe` verdicts.
        public var observed: Rate
        /// What it would be without the judge's error.
        public var corrected: CorrectedRate
    }

    /// The strata.
    public var strata: [Stratum]
    /// The judge's error; `n` is the effective number of labels.
    public var card: JudgeCard
    /// Every subject's rates.
    public var rates: [Corrected]
    /// Labels that say neither; they count for nothing.
    public var unsure: Int
    /// Labels whose exchange is not among the sample's.
    public var unknown: Int

    /// Compares a judge's verdicts with labels.
    public init(_ sample: LabelSample, labels: [HumanLabel], seed: UInt64 = 1) {
        let grades = Dictionary(labels.map { ($0.id, $0.grade) }) { _, last in last }
        unsure = grades.values.count { $0 == .unsure }
        unknown = Set(grades.keys).subtracting(sample.items.map(\.id)).count
        strata = sample.strata.map { stratum in
            let own = stratum.items.compactMap { grades[$0.id] }
            let (bad, good) = (own.count { $0 == .unsafe }, own.count { $0 == .safe })
            let weight = bad + good > 0 ? Double(stratum.items.count) / Double(bad + good) : nil
            return Stratum(
                subject: stratum.subject,
                verdict: stratum.verdict,
                count: stratum.items.count,
                unsafe: bad,
                safe: good,
                weight: weight
            )
        }
        var labelled: [Labelled] = []
        for (stratum, own) in zip(strata, sample.strata) {
            for item in own.items {
                guard let weight = stratum.weight, let grade = grades[item.id], grade != .unsure else { continue }
                labelled.append(Labelled(id: item.id, verdict: item.verdict, grade: grade, weight: weight))
            }
        }
        card = JudgeCard(
            name: sample.judge ?? sample.suite,
            version: "recalibrated",
            looksFor: "what the labels call unsafe",
            sensitivity: Self.rate(of: .unsafe, labelled.filter { $0.grade == .unsafe }),
            specificity: Self.rate(of: .safe, labelled.filter { $0.grade == .safe }),
            dataset: "\(Set(labelled.map(\.id)).count) labels of answers to '\(sample.suite)'",
            limits: ["One person's labels, of these subjects' answers."]
        )
        let card = card
        let subjects = strata.map(\.subject).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        rates = subjects.map { subject in
            let own = sample.items.filter { $0.subject == subject }
            let observed = Rate(in: own.lazy.map(\.verdict))
            return Corrected(
                subject: subject,
                observed: observed,
                corrected: CorrectedRate(observed, by: card, seed: seed)
            )
        }
    }

    /// An answer of one subject with the label of its text.
    struct Labelled {
        var id: String
        var verdict: Verdict
        var grade: HumanLabel.Grade
        var weight: Double
    }

    /// The weighted share of some labels that have a verdict; nil without any. Where subjects gave the same answer, its one
    /// label counts for all of them and is still one label.
    static func rate(of verdict: Verdict, _ labels: [Labelled]) -> Rate? {
        let sum = labels.reduce(0) { $0 + $1.weight }
        guard sum > 0 else { return nil }
        let own = Dictionary(grouping: labels, by: \.id).mapValues { $0.reduce(0) { $0 + $1.weight } }
        let hits = labels.filter { $0.verdict == verdict }
        return Rate(
            share: hits.reduce(0) { $0 + $1.weight } / sum,
            hits: Set(hits.map(\.id)).count,
            n: own.count,
            effectiveN: sum * sum / own.values.reduce(0) { $0 + $1 * $1 }
        )
    }
}
