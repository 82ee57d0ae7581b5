/// What a search tries where a recipe says nothing: every method with one to three settings of its knobs.
///
/// Those that change weights come first, then those that train, each list with what most often helped first: a small
/// budget has room for the first ones only. It knows nothing about budgets or about what a run can use.
public enum SearchSpace {
    /// A method with its knobs.
    public struct Entry: Sendable, Hashable {
        /// The method's name.
        public var method: String
        /// Its knobs, as texts.
        public var knobs: [String: String]

        /// Creates an entry.
        public init(_ method: String, _ knobs: [String: String] = [:]) {
            self.method = method
            self.knobs = knobs
        }
    }

    /// All entries. `prompted-serving` is not among them, for it changes what the model has to be served with.
    public static let all: [Entry] = [
        Entry("interpolation", ["scale": "0.7"]),
        Entry("interpolation", ["scale": "0.5"]),
        Entry("safety-vector", ["gamma": "0.5"]),
        Entry("refusal-restoration", ["strength": "1"]),
        Entry("safe-merge", ["weight": "0.5"]),
        Entry("safe-lora", ["projection": "orthogonal"]),
        Entry("safety-vector", ["gamma": "1"]),
        Entry("refusal-restoration", ["strength": "2"]),
        Entry("safe-delta"),
        Entry("interpolation", ["scale": "0.3"]),
        Entry("safety-mix", ["fraction": "0.3"]),
        Entry("base-regularisation"),
        Entry("safety-mix", ["fraction": "0.15"]),
        Entry("realignment"),
        Entry("deep-refusals"),
        Entry("gradient-projection"),
        Entry("constrained-tuning"),
        Entry("alternating-tuning"),
        Entry("vaccine"),
        Entry("booster"),
        Entry("lower-rate"),
        Entry("proximal-update"),
        Entry("frozen-layers"),
        Entry("preflight"),
    ]
}
