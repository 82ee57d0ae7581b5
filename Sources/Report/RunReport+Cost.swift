/// What a run took: tokens, arithmetic, time, energy and money, by phase.
///
/// The arithmetic is `CostAccount`'s; here are only the values of `report.json`.
extension RunReport {
    /// What a run took, and at which prices.
    public struct Cost: Codable, Sendable, Equatable {
        /// What a phase does with a model.
        public enum Work: String, Codable, Sendable {
            /// Forward and backward.
            case training
            /// Forward only.
            case assessing
        }

        /// One phase of the run, or all of them.
        public struct Phase: Codable, Sendable, Equatable {
            /// `align`, `tune`, a defence's name, or `assess SUBJECT`.
            public var name: String
            /// What it did.
            public var work: Work
            /// Tokens that were trained on, or read before an answer or for a likelihood.
            public var tokens: Int
            /// Tokens that were generated.
            public var generated: Int
            /// Floating-point operations.
            public var flops: Double
            /// Wall-clock seconds.
            public var seconds: Double
            /// Kilowatt-hours.
            public var energy: Double
            /// Money; nil without a price.
            public var money: Double?

            private enum CodingKeys: String, CodingKey {
                case name, work, tokens, generated, flops, seconds, money
                case energy = "energy_kwh"
            }

            /// Writes every key, empty ones as `null`.
            public func encode(to encoder: any Encoder) throws {
                var values = encoder.container(keyedBy: CodingKeys.self)
                try values.encode(name, forKey: .name)
                try values.encode(work, forKey: .work)
                try values.encode(tokens, forKey: .tokens)
                try values.encode(generated, forKey: .generated)
                try values.encode(flops, forKey: .flops)
                try values.encode(seconds, forKey: .seconds)
                try values.encode(energy, forKey: .energy)
                try values.encode(money, forKey: .money)
            }
        }

        /// How the training's arithmetic stands to the one third of the original's that the guidelines of the European
        /// Commission of July 2025 name for those who modify a general-purpose model. A helper, not legal advice.
        public struct Modification: Codable, Sendable, Equatable {
            /// Floating-point operations of all trainings of the run.
            public var flops: Double
            /// The original's training, as the recipe gives it; nil where unknown.
            public var originalFlops: Double?
            /// A third of the original's, or of the default where that is unknown.
            public var threshold: Double
            /// `flops` over `threshold`.
            public var share: Double

            private enum CodingKeys: String, CodingKey {
                case flops, threshold, share
                case originalFlops = "original_flops"
            }

            /// Writes every key, empty ones as `null`.
            public func encode(to encoder: any Encoder) throws {
                var values = encoder.container(keyedBy: CodingKeys.self)
                try values.encode(flops, forKey: .flops)
                try values.encode(originalFlops, forKey: .originalFlops)
                try values.encode(threshold, forKey: .threshold)
                try values.encode(share, forKey: .share)
            }
        }

        /// The phases, in the order of the run.
        public var phases: [Phase]
        /// Their sums.
        public var total: Phase
        /// The power that energy was reckoned with.
        public var watts: Double
        /// Whether nobody stated that power.
        public var wattsAreAssumed: Bool
        /// Money per hour of the machine; nil where it was not given.
        public var pricePerHour: Double?
        /// Money per kilowatt-hour; nil where it was not given.
        public var pricePerKilowattHour: Double?
        /// The money's name.
        public var currency: String
        /// The share of the one third; nil where nothing was trained.
        public var modification: Modification?

        private enum CodingKeys: String, CodingKey {
            case phases, total, watts, currency, modification
            case wattsAreAssumed = "watts_assumed"
            case pricePerHour = "price_per_hour"
            case pricePerKilowattHour = "price_per_kwh"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(phases, forKey: .phases)
            try values.encode(total, forKey: .total)
            try values.encode(watts, forKey: .watts)
            try values.encode(wattsAreAssumed, forKey: .wattsAreAssumed)
            try values.encode(pricePerHour, forKey: .pricePerHour)
            try values.encode(pricePerKilowattHour, forKey: .pricePerKilowattHour)
            try values.encode(currency, forKey: .currency)
            try values.encode(modification, forKey: .modification)
        }
    }
}
