/// Reckons what a run cost from tokens and seconds that were counted, and from prices that were given.
///
/// It knows nothing about models beyond their size, nor about how anything was counted. Arithmetic is counted as by
/// Kaplan and others (arXiv 2001.08361, section 2.1): 2 N floating-point operations for a token forward and 4 N
/// backward, of which 2 N are for the gradients of activations and 2 N for those of weights. N is the number of
/// parameters that a token goes through. An adapter of A parameters on frozen weights (arXiv 2106.09685) needs no
/// gradients of those, so that its training takes 2 N + 2 N for the frozen weights and 6 A for its own. Attention over
/// the context, recomputed activations and the optimiser's own arithmetic are left out; all are small for small models
/// and short texts.
public struct CostAccount: Sendable {
    /// What is given for power and money.
    public struct Prices: Sendable, Hashable {
        /// The power of the machine in watts; nil where nobody stated it.
        public var watts: Double?
        /// Money per hour of the machine.
        public var perHour: Double?
        /// Money per kilowatt-hour.
        public var perKilowattHour: Double?
        /// The money's name, such as EUR.
        public var currency: String
        /// Floating-point operations of the original's training.
        public var baseTrainingFlops: Double?

        /// Creates prices.
        public init(
            watts: Double? = nil,
            perHour: Double? = nil,
            perKilowattHour: Double? = nil,
            currency: String = "EUR",
            baseTrainingFlops: Double? = nil
        ) {
            self.watts = watts
            self.perHour = perHour
            self.perKilowattHour = perKilowattHour
            self.currency = currency
            self.baseTrainingFlops = baseTrainingFlops
        }
    }

    /// The power of a machine that nobody stated: about a small server without, and with, one accelerator.
    public static let assumedWatts = (processor: 100.0, accelerator: 700.0)

    /// Above this a model is likely a general-purpose one, by the guidelines of the European Commission on the scope of
    /// the obligations for providers of general-purpose AI models, C(2025) 5045, 18 July 2025. Where the original's
    /// training is unknown, a third of it stands for a third of the original's; of 1e25 where the original has systemic
    /// risk.
    public static let generalPurposeFlops = 1e23

    private let parameters: Double
    private let prices: Prices
    private let watts: Double
    private var phases: [RunReport.Cost.Phase] = []

    /// Opens an account.
    ///
    /// - Parameters:
    ///   - parameters: Those that a token goes through: all of them, but of experts only the chosen ones.
    ///   - usesAccelerator: Whether the run computed on one, which decides the power that is assumed.
    public init(parameters: Int, prices: Prices, usesAccelerator: Bool = false) {
        self.parameters = Double(parameters)
        self.prices = prices
        let assumed = usesAccelerator ? Self.assumedWatts.accelerator : Self.assumedWatts.processor
        watts = prices.watts ?? assumed
    }

    /// Floating-point operations for training on one token; `adapter` is the number of its parameters, nil for all
    /// weights.
    public func trainingFlops(adapter: Int?) -> Double {
        adapter.map { 4 * parameters + 6 * Double($0) } ?? 6 * parameters
    }

    /// Adds a training on `tokens`, during which `read` more went forward only.
    public mutating func train(_ name: String, tokens: Int, read: Int = 0, adapter: Int?, seconds: Double) {
        let flops = Double(tokens) * trainingFlops(adapter: adapter) + Double(read) * 2 * parameters
        add(name, .training, tokens + read, 0, flops, seconds)
    }

    /// Adds an assessment; 2 N operations for each token that was read or generated.
    public mutating func assess(_ name: String, read: Int, generated: Int, seconds: Double) {
        add(name, .assessing, read, generated, Double(read + generated) * 2 * parameters, seconds)
    }

    private mutating func add(
        _ name: String,
        _ work: RunReport.Cost.Work,
        _ tokens: Int,
        _ generated: Int,
        _ flops: Double,
        _ seconds: Double
    ) {
        let energy = watts * seconds / 3_600_000
        let parts = [
            prices.perHour.map { $0 * seconds / 3600 }, prices.perKilowattHour.map { $0 * energy },
        ].compactMap { $0 }
        phases.append(
            RunReport.Cost.Phase(
                name: name,
                work: work,
                tokens: tokens,
                generated: generated,
                flops: flops,
                seconds: seconds,
                energy: energy,
                money: parts.isEmpty ? nil : parts.reduce(0, +)
            )
        )
    }

    /// The whole account.
    public var cost: RunReport.Cost {
        let hasPrice = prices.perHour != nil || prices.perKilowattHour != nil
        let training = phases.filter { $0.work == .training }
        let total = RunReport.Cost.Phase(
            name: "all",
            work: training.isEmpty ? .assessing : .training,
            tokens: phases.reduce(0) { $0 + $1.tokens },
            generated: phases.reduce(0) { $0 + $1.generated },
            flops: phases.reduce(0) { $0 + $1.flops },
            seconds: phases.reduce(0) { $0 + $1.seconds },
            energy: phases.reduce(0) { $0 + $1.energy },
            money: hasPrice ? phases.reduce(0) { $0 + ($1.money ?? 0) } : nil
        )
        let trained = training.reduce(0) { $0 + $1.flops }
        let third = (prices.baseTrainingFlops ?? Self.generalPurposeFlops) / 3
        return RunReport.Cost(
            phases: phases,
            total: total,
            watts: watts,
            wattsAreAssumed: prices.watts == nil,
            pricePerHour: prices.perHour,
            pricePerKilowattHour: prices.perKilowattHour,
            currency: prices.currency,
            modification: training.isEmpty
                ? nil
                : .init(
                    flops: trained,
                    originalFlops: prices.baseTrainingFlops,
                    threshold: third,
                    share: trained / third
                )
        )
    }
}
