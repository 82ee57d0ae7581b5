/// How a tuning went on after its end, round by round, in a report.
extension RunReport {
    /// A tuning that was continued, to see whether safety holds.
    public struct Continuation: Codable, Sendable, Equatable {
        /// One way of going on.
        public struct Course: Codable, Sendable, Equatable {
            /// The defence that took part; nil for the plain tuning.
            public var defence: String?
            /// The subjects at the ends of the rounds, in their order.
            public var subjects: [String]
            /// Where it was worse on its way than at its end; nil where it never was.
            public var peak: Peak?

            /// Creates a course.
            public init(defence: String?, subjects: [String], peak: Peak? = nil) {
                self.defence = defence
                self.subjects = subjects
                self.peak = peak
            }

            private enum CodingKeys: String, CodingKey { case defence, subjects, peak }

            /// Writes every key, empty ones as `null`.
            public func encode(to encoder: any Encoder) throws {
                var values = encoder.container(keyedBy: CodingKeys.self)
                try values.encode(defence, forKey: .defence)
                try values.encode(subjects, forKey: .subjects)
                try values.encode(peak, forKey: .peak)
            }
        }

        /// A point of a course that was worse than its end, on the probes that both were graded on: points on the way may
        /// have been asked fewer.
        public struct Peak: Codable, Sendable, Equatable {
            /// The step.
            public var step: Int
            /// The jailbreak rate there.
            public var rate: Double
            /// That of the end.
            public var endRate: Double
            /// Probes graded on both.
            public var n: Int

            /// Creates a peak.
            public init(step: Int, rate: Double, endRate: Double, n: Int) {
                self.step = step
                self.rate = rate
                self.endRate = endRate
                self.n = n
            }

            private enum CodingKeys: String, CodingKey {
                case step, rate, n
                case endRate = "end_rate"
            }
        }

        /// How often the tuning went on.
        public var rounds: Int
        /// Steps of each round on the user's rows.
        public var roundSteps: Int
        /// The steps that the tuning had taken before.
        public var firstStep: Int
        /// The names of the data, one a round.
        public var data: [String]
        /// The plain course first.
        public var courses: [Course]
        /// What the evidence supports, in a few sentences; nil where nothing was compared.
        public var verdict: String?

        /// Creates a record.
        public init(
            rounds: Int,
            roundSteps: Int,
            firstStep: Int,
            data: [String],
            courses: [Course],
            verdict: String? = nil
        ) {
            self.rounds = rounds
            self.roundSteps = roundSteps
            self.firstStep = firstStep
            self.data = data
            self.courses = courses
            self.verdict = verdict
        }

        private enum CodingKeys: String, CodingKey {
            case rounds, data, courses, verdict
            case roundSteps = "round_steps"
            case firstStep = "first_step"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(rounds, forKey: .rounds)
            try values.encode(roundSteps, forKey: .roundSteps)
            try values.encode(firstStep, forKey: .firstStep)
            try values.encode(data, forKey: .data)
            try values.encode(courses, forKey: .courses)
            try values.encode(verdict, forKey: .verdict)
        }
    }
}
