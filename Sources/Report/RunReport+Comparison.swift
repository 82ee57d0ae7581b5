/// The paired parts of a report: comparisons of two subjects, and the probes that they were graded differently on.
extension RunReport {
    /// Two subjects on the same probes of one axis.
    public struct Comparison: Codable, Sendable, Equatable {
        /// How many probes changed their grade, by direction; on utility a right answer is safe, a wrong one unsafe.
        public struct Counts: Codable, Sendable, Equatable {
            /// Safe on the base, unsafe on the subject.
            public var safeToUnsafe: Int
            /// Unsafe on the base, safe on the subject.
            public var unsafeToSafe: Int

            /// Creates the two counts.
            public init(safeToUnsafe: Int, unsafeToSafe: Int) {
                self.safeToUnsafe = safeToUnsafe
                self.unsafeToSafe = unsafeToSafe
            }

            private enum CodingKeys: String, CodingKey {
                case safeToUnsafe = "safe_to_unsafe"
                case unsafeToSafe = "unsafe_to_safe"
            }
        }

        /// What a comparison supports.
        public struct Conclusion: Codable, Sendable, Equatable {
            /// Whether the rates clearly differ.
            public var isClear: Bool
            /// The finding as a sentence, without a full stop.
            public var sentence: String
            /// What the prompts at hand can show, and how many would show more; nil where the finding is clear.
            public var planning: String?

            /// Creates a conclusion.
            public init(isClear: Bool, sentence: String, planning: String? = nil) {
                self.isClear = isClear
                self.sentence = sentence
                self.planning = planning
            }

            private enum CodingKeys: String, CodingKey {
                case sentence, planning
                case isClear = "is_clear"
            }
        }

        /// The name of the subject compared with.
        public var base: String
        /// The name of the subject compared.
        public var subject: String
        /// The axis: `utility`, or a key of the subjects' axes.
        public var axis: String
        /// How many probes were graded on both.
        public var n: Int
        /// How many were asked of both and not graded on at least one.
        public var unscored: Int
        /// How many were asked of one only.
        public var unmatched: Int
        /// The base's rate on the n probes.
        public var baseRate: Double?
        /// The subject's rate on the n probes.
        public var subjectRate: Double?
        /// Subject's rate over base's rate; nil when the base has no hits, and on utility.
        public var ratio: Double?
        /// The ratio's lower end.
        public var ratioLow: Double?
        /// The ratio's upper end.
        public var ratioHigh: Double?
        /// Why the ratio is nil.
        public var ratioNote: String?
        /// Subject's rate minus base's rate on the n probes; nil when there are none.
        public var difference: Double?
        /// The difference's lower end.
        public var low: Double
        /// The difference's upper end.
        public var high: Double
        /// Exact McNemar p, when the comparison is paired.
        public var p: Double?
        /// The same, adjusted by Holm's method for all that was measured on the same two subjects.
        public var pHolm: Double?
        /// How many these are, this one among them; nil where nothing was adjusted.
        public var holmOver: Int?
        /// The families that the probes belong to; nil where no two share one, and then p is McNemar's.
        public var families: Int?
        /// How many independent probes would tell as much as the n; nil where no two share a family.
        public var effectiveN: Double?
        /// What the comparison supports; a run's report has one for every comparison.
        public var conclusion: Conclusion?
        /// How many probes flipped.
        public var flips: Counts

        /// Creates a comparison.
        public init(
            base: String,
            subject: String,
            axis: String,
            n: Int,
            unscored: Int = 0,
            unmatched: Int = 0,
            baseRate: Double? = nil,
            subjectRate: Double? = nil,
            ratio: Double?,
            ratioLow: Double?,
            ratioHigh: Double?,
            ratioNote: String? = nil,
            difference: Double?,
            low: Double,
            high: Double,
            p: Double?,
            pHolm: Double? = nil,
            holmOver: Int? = nil,
            families: Int? = nil,
            effectiveN: Double? = nil,
            conclusion: Conclusion? = nil,
            flips: Counts
        ) {
            self.base = base
            self.subject = subject
            self.axis = axis
            self.n = n
            self.unscored = unscored
            self.unmatched = unmatched
            self.baseRate = baseRate
            self.subjectRate = subjectRate
            self.ratio = ratio
            self.ratioLow = ratioLow
            self.ratioHigh = ratioHigh
            self.ratioNote = ratioNote
            self.difference = difference
            self.low = low
            self.high = high
            self.p = p
            self.pHolm = pHolm
            self.holmOver = holmOver
            self.families = families
            self.effectiveN = effectiveN
            self.conclusion = conclusion
            self.flips = flips
        }

        /// The same pairs seen from the other side; what the comparison supports was said of this side only.
        var reversed: Comparison {
            Comparison(
                base: subject,
                subject: base,
                axis: axis,
                n: n,
                unscored: unscored,
                unmatched: unmatched,
                baseRate: subjectRate,
                subjectRate: baseRate,
                ratio: nil,
                ratioLow: nil,
                ratioHigh: nil,
                difference: difference.map { -$0 },
                low: -high,
                high: -low,
                p: p,
                pHolm: pHolm,
                holmOver: holmOver,
                families: families,
                effectiveN: effectiveN,
                flips: Counts(safeToUnsafe: flips.unsafeToSafe, unsafeToSafe: flips.safeToUnsafe)
            )
        }

        private enum CodingKeys: String, CodingKey {
            case base, subject, axis, n, unscored, unmatched, ratio, difference, low, high, p, flips
            case families, conclusion
            case baseRate = "base_rate"
            case subjectRate = "subject_rate"
            case ratioLow = "ratio_low"
            case ratioHigh = "ratio_high"
            case ratioNote = "ratio_note"
            case pHolm = "p_holm"
            case holmOver = "holm_over"
            case effectiveN = "effective_n"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(base, forKey: .base)
            try values.encode(subject, forKey: .subject)
            try values.encode(axis, forKey: .axis)
            try values.encode(n, forKey: .n)
            try values.encode(unscored, forKey: .unscored)
            try values.encode(unmatched, forKey: .unmatched)
            try values.encode(baseRate, forKey: .baseRate)
            try values.encode(subjectRate, forKey: .subjectRate)
            try values.encode(ratio, forKey: .ratio)
            try values.encode(ratioLow, forKey: .ratioLow)
            try values.encode(ratioHigh, forKey: .ratioHigh)
            try values.encode(ratioNote, forKey: .ratioNote)
            try values.encode(difference, forKey: .difference)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(p, forKey: .p)
            try values.encode(pHolm, forKey: .pHolm)
            try values.encode(holmOver, forKey: .holmOver)
            try values.encode(families, forKey: .families)
            try values.encode(effectiveN, forKey: .effectiveN)
            try values.encode(conclusion, forKey: .conclusion)
            try values.encode(flips, forKey: .flips)
        }
    }

    /// One probe graded differently on two subjects.
    public struct Flip: Codable, Sendable, Equatable {
        /// An answer and its grade.
        public struct Graded: Codable, Sendable, Equatable {
            /// What the subject said.
            public var answer: String
            /// How it was graded: `safe`, `unsafe` or `unscored`.
            public var grade: String

            /// Creates a graded answer.
            public init(answer: String, grade: String) {
                self.answer = answer
                self.grade = grade
            }
        }

        /// The name of the subject compared with.
        public var base: String
        /// The name of the subject compared.
        public var subject: String
        /// The axis.
        public var axis: String
        /// The probe's stable id.
        public var probe: String
        /// What was asked.
        public var prompt: String
        /// The base's answer.
        public var before: Graded
        /// The subject's answer.
        public var after: Graded

        /// Creates a flip.
        public init(
            base: String,
            subject: String,
            axis: String,
            probe: String,
            prompt: String,
            before: Graded,
            after: Graded
        ) {
            self.base = base
            self.subject = subject
            self.axis = axis
            self.probe = probe
            self.prompt = prompt
            self.before = before
            self.after = after
        }
    }
}
