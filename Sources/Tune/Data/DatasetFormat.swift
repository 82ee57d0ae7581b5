/// How the rows of a training file are shaped, and how a row's shape is recognised.
///
/// Knows nothing about turning a row into turns. The shapes are those of the OpenAI fine-tuning API, Stanford Alpaca
/// and its self-instruct seeds, ShareGPT, the prompt and completion pairs of TRL, and the folders of mlx-lm; those of
/// preferences are TRL's and the ranking formats of LLaMA-Factory.
extension Dataset {
    /// A known shape of training data.
    public enum Format: String, CaseIterable, Codable, Sendable {
        /// One `messages` list per row, with `role` and `content`.
        case messages
        /// `instruction`, optional `input`, and `output` or self-instruct `instances`.
        case alpaca
        /// One `conversations` list per row, with `from` and `value`.
        case sharegpt
        /// `prompt` and `completion`, as text or as lists of messages.
        case promptCompletion = "prompt-completion"
        /// `chosen` and `rejected`, with the prompt beside them or inside both.
        case preference
        /// A folder with `train.jsonl`, and perhaps `valid.jsonl` and `test.jsonl`, in one of the two shapes of mlx-lm.
        case mlx

        /// The keys that make the shape, for messages to users.
        public var shape: String {
            switch self {
            case .messages: #"messages {"messages": [{"role", "content"}]}"#
            case .alpaca: #"alpaca {"instruction", "input", "output"} or {"instruction", "instances"}"#
            case .sharegpt: #"sharegpt {"conversations": [{"from", "value"}]}"#
            case .promptCompletion: #"prompt-completion {"prompt", "completion"}"#
            case .preference: #"preference {"prompt" or "conversations" or "instruction", "chosen", "rejected"}"#
            case .mlx: "mlx (a folder with train.jsonl; rows as messages or prompt-completion)"
            }
        }

        static var shapes: String { allCases.map(\.shape).joined(separator: "; ") }

        private static let preferenceKeys: Set = ["chosen", "rejected"]
        private static let otherPreferenceKeys: Set = ["preferred_output", "non_preferred_output"]

        /// The shape of a row with these keys, out of those that a file of this format may hold.
        func shape(of keys: Set<String>) -> Format? {
            let shapes: [Format] = self == .mlx ? [.messages, .promptCompletion] : [self]
            return shapes.first { $0.matches(keys) }
        }

        /// The format whose keys a row has.
        static func detect(_ keys: Set<String>) -> Format? {
            [.preference, .messages, .sharegpt, .alpaca, .promptCompletion].first { $0.matches(keys) }
        }

        private func matches(_ keys: Set<String>) -> Bool {
            if self == .preference { return keys.isSuperset(of: Self.preferenceKeys) }
            guard keys.isDisjoint(with: Self.preferenceKeys.union(Self.otherPreferenceKeys)) else { return false }
            return switch self {
            case .messages: keys.contains("messages")
            case .sharegpt: keys.contains("conversations")
            case .alpaca: keys.contains("instruction") && (keys.contains("output") || keys.contains("instances"))
            case .promptCompletion: keys.contains("prompt") && keys.contains("completion")
            case .preference, .mlx: false
            }
        }

        /// What keys that fit no format look like.
        static func hint(_ keys: Set<String>) -> String? {
            if !keys.isDisjoint(with: preferenceKeys) { return "a preference needs `chosen` and `rejected`" }
            if !keys.isDisjoint(with: otherPreferenceKeys) {
                return "this looks like preference data; call the two answers `chosen` and `rejected`"
            }
            if keys.contains("text") {
                return "plain text has no turns to learn from; split it into prompt and completion"
            }
            if keys.contains("instruction") { return "an instruction needs an `output`" }
            if keys.contains("prompt") { return "a prompt needs a `completion`" }
            return nil
        }
    }
}
