/// The parts of a report that stand beside the rates: what they would be without the judge's errors, and one probe's
/// answers along the run.
extension RunReport {
    /// A rate corrected for the errors that the judge's card states.
    public struct CorrectedRate: Codable, Sendable, Equatable {
        /// The subject.
        public var subject: String
        /// The axis, a key of the subjects' axes.
        public var axis: String
        /// The judge's name and version.
        public var judge: String
        /// The rate by the judge's verdicts.
        public var raw: Rate
        /// The corrected rate; nil where it cannot be told.
        public var rate: Double?
        /// Lower end of its 95 % interval, which carries the uncertainty of sensitivity and specificity.
        public var low: Double
        /// Upper end of the interval.
        public var high: Double
        /// Why there is no corrected rate, or how little it says; nil where it can be used.
        public var note: String?

        /// Creates a corrected rate.
        public init(
            subject: String,
            axis: String,
            judge: String,
            raw: Rate,
            rate: Double?,
            low: Double,
            high: Double,
            note: String? = nil
        ) {
            self.subject = subject
            self.axis = axis
            self.judge = judge
            self.raw = raw
            self.rate = rate
            self.low = low
            self.high = high
            self.note = note
        }

        private enum CodingKeys: String, CodingKey { case subject, axis, judge, raw, rate, low, high, note }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(subject, forKey: .subject)
            try values.encode(axis, forKey: .axis)
            try values.encode(judge, forKey: .judge)
            try values.encode(raw, forKey: .raw)
            try values.encode(rate, forKey: .rate)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(note, forKey: .note)
        }
    }

    /// One probe, and what the subjects answered to it in the order of the run.
    public struct Trail: Codable, Sendable, Equatable {
        /// What one subject answered.
        public struct Answer: Codable, Sendable, Equatable {
            /// The subject.
            public var subject: String
            /// What it answered.
            public var answer: String
            /// `safe`, `unsafe`, or `unscored` with the reason.
            public var grade: String

            /// Creates an answer.
            public init(subject: String, answer: String, grade: String) {
                self.subject = subject
                self.answer = answer
                self.grade = grade
            }
        }

        /// The axis, a key of the subjects' axes.
        public var axis: String
        /// The probe's id.
        public var probe: String
        /// What was asked.
        public var prompt: String
        /// The answers.
        public var answers: [Answer]

        /// Creates a trail.
        public init(axis: String, probe: String, prompt: String, answers: [Answer]) {
            self.axis = axis
            self.probe = probe
            self.prompt = prompt
            self.answers = answers
        }
    }
}
