/// The part of a report about a guard around the tuned model: what it does by itself, and how long it takes.
extension RunReport {
    /// A guard that was assessed around a subject.
    public struct Guarding: Codable, Sendable, Equatable {
        /// What the guard does to one suite's questions.
        public struct Line: Codable, Sendable, Equatable {
            /// Where the suite's numbers stand: a key of the subjects' axes, or `utility`.
            public var key: String
            /// The share of its questions that the guard refuses, whatever the model would have said.
            public var refused: Rate
            /// How many of those each rail refused.
            public var rails: [String: Int]
            /// How many of the model's own answers to the other questions it refuses.
            public var answersRefused: Int
            /// How many of them it was shown.
            public var answers: Int

            /// Creates a line.
            public init(key: String, refused: Rate, rails: [String: Int], answersRefused: Int, answers: Int) {
                self.key = key
                self.refused = refused
                self.rails = rails
                self.answersRefused = answersRefused
                self.answers = answers
            }

            private enum CodingKeys: String, CodingKey {
                case key, refused, rails, answers
                case answersRefused = "answers_refused"
            }
        }

        /// How long the guard takes, in milliseconds.
        public struct Latency: Codable, Sendable, Equatable {
            /// Texts that were checked.
            public var n: Int
            /// The median.
            public var p50: Double
            /// 95 of 100 took at most this.
            public var p95: Double
            /// 99 of 100 took at most this.
            public var p99: Double

            /// Creates the times.
            public init(n: Int, p50: Double, p95: Double, p99: Double) {
                self.n = n
                self.p50 = p50
                self.p95 = p95
                self.p99 = p99
            }
        }

        /// The subject's name: the model behind the guard.
        public var subject: String
        /// The subject without the guard.
        public var alone: String
        /// The policy's name.
        public var policy: String
        /// What it does to each suite's questions.
        public var lines: [Line]
        /// The time for a question.
        public var questions: Latency?
        /// The time for an answer.
        public var answers: Latency?

        /// Creates the part.
        public init(
            subject: String,
            alone: String,
            policy: String,
            lines: [Line],
            questions: Latency? = nil,
            answers: Latency? = nil
        ) {
            self.subject = subject
            self.alone = alone
            self.policy = policy
            self.lines = lines
            self.questions = questions
            self.answers = answers
        }

        private enum CodingKeys: String, CodingKey { case subject, alone, policy, lines, questions, answers }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(subject, forKey: .subject)
            try values.encode(alone, forKey: .alone)
            try values.encode(policy, forKey: .policy)
            try values.encode(lines, forKey: .lines)
            try values.encode(questions, forKey: .questions)
            try values.encode(answers, forKey: .answers)
        }
    }
}
