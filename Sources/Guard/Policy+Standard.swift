extension Policy {
    /// The policy that is used where none is given.
    ///
    /// Quick rules first. Personal data in a user's text is replaced before the model sees it and restored in the answer;
    /// toxic words of a user are only recorded, since a user who swears may be in need of help.
    public static let standard = Policy(
        name: "standard",
        rules: [
            Rule("length", .refuse, stages: [.input, .retrieved]),
            Rule("unicode", .redact, stages: [.input, .retrieved]),
            Rule("secrets", .redact),
            Rule("personal-data", .redact, stages: [.input, .retrieved]),
            Rule("injection", .refuse),
            Rule("jailbreak", .refuse, stages: [.input]),
            Rule("encoded", .refuse, stages: [.input, .retrieved]),
            Rule("toxicity", .flag, stages: [.input]),
            Rule("toxicity", .refuse, stages: [.output]),
            Rule("prompt-leak", .refuse),
            Rule("repetition", .flag, stages: [.output]),
        ]
    )
}
