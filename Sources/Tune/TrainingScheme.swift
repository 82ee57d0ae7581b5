public import TemperTorch

/// How two gradients, one tensor each a parameter, become the one that the optimiser follows, and numbers for the log.
public typealias GradientCombination =
    @TorchActor (_ first: [Tensor], _ second: [Tensor]) throws(TorchError) -> (
        gradients: [Tensor], metrics: [String: Double]
    )

/// What a training minimises, and how it goes where that is not all of it.
///
/// Most trainings are an objective and nothing else. Some go in phases that are held to where each began, and some have
/// a second loss whose gradient must be seen by itself, or from two places. Knows nothing about why.
public struct TrainingScheme: Sendable {
    /// What is minimised.
    public var objective: Objective
    /// Joins the gradients of `TrainingLoss.total` and `TrainingLoss.second`; nil where no loss has a second one.
    public var combination: GradientCombination?
    /// Where from the second loss is seen once more; nil where its gradient is what is joined.
    public var lookAhead: LookAhead?
    /// Phases of the training; nil for one that has none.
    public var phases: Phases?

    /// A step of some length down a loss, taken back as soon as the gradient there is known.
    ///
    /// Joined is then not the second loss's gradient d but what the step would change of it:
    /// `d(w) - d(w - length * d(w) / ||d(w)||)`.
    public struct LookAhead: Sendable {
        /// The 2-norm of the step, over all that is trained.
        public var length: Double
        /// The second loss by itself: what the objective gives as `TrainingLoss.second`.
        public var loss: @TorchActor (TrainingStep) throws(TorchError) -> Tensor?

        /// Creates a look ahead.
        public init(length: Double, loss: @escaping @TorchActor (TrainingStep) throws(TorchError) -> Tensor?) {
            self.length = length
            self.loss = loss
        }
    }

    /// Two kinds of steps by turns: `own` of the defence's own rows, then `user` of the user's rows.
    public struct Phases: Sendable, Hashable {
        /// Steps in a row on the defence's own rows, at least 1.
        public var own: Int
        /// Steps in a row on the user's rows, at least 1.
        public var user: Int
        /// Whether the objective holds each phase to where it began, so that its beginning has to be kept.
        public var isHeld: Bool

        /// Creates phases.
        public init(own: Int, user: Int, isHeld: Bool = true) {
            precondition(own > 0 && user > 0, "each phase has a step")
            self.own = own
            self.user = user
            self.isHeld = isHeld
        }

        /// So many steps on the defence's own rows, and then nothing but the user's; none is held to its beginning.
        public static func leading(_ own: Int) -> Phases { Phases(own: own, user: 1 << 40, isHeld: false) }

        /// Whether a step, counted from 0, is on the defence's own rows.
        public func isOwn(_ step: Int) -> Bool { step % (own + user) < own }

        /// Whether a phase begins with a step.
        public func begins(at step: Int) -> Bool { [0, own].contains(step % (own + user)) }

        /// Which of the user's steps a step stands at: those before it that were on the user's rows.
        public func userStep(_ step: Int) -> Int {
            step / (own + user) * user + max(0, step % (own + user) - own)
        }

        /// All steps of a training that has so many of the user's.
        public func total(user steps: Int) -> Int { steps + (steps + user - 1) / user * own }
    }

    /// Creates a scheme.
    public init(
        _ objective: @escaping Objective,
        combination: GradientCombination? = nil,
        lookAhead: LookAhead? = nil,
        phases: Phases? = nil
    ) {
        self.objective = objective
        self.combination = combination
        self.lookAhead = lookAhead
        self.phases = phases
    }

    /// Supervised fine-tuning.
    public static let supervised = TrainingScheme(TrainingLoss.supervised)
}
