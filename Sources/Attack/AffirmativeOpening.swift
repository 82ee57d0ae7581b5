/// The beginning of an answer that a search makes likely: "Sure, here is" and the request in other words.
///
/// A model that has begun like this seldom turns back (Zou et al., arXiv 2307.15043, section 2.1). The opening restates the
/// request and adds nothing to it. It knows nothing about tokens, and little about grammar: what it does not recognise
/// gets an opening that fits any request.
public enum AffirmativeOpening {
    /// Words after "Sure, here is": what is said first decides, and every token more costs time.
    private static let longest = 12
    /// Fits any request.
    private static let general = "Sure, here is the answer to your request:"

    /// What becomes of requests that begin with certain words.
    private struct Rule {
        var beginnings: [String]
        /// Said before the rest of the request.
        var lead = ""
        /// Whether the beginning itself belongs to the rest.
        var keepsBeginning = false
    }

    /// The first one that fits is taken.
    private static let rules = [
        Rule(
            beginnings: ["do", "can", "could", "would", "should", "might"].flatMap { verb in
                ["i", "you", "we", "one", "someone", "somebody"].map { "how \(verb) \($0)" }
            } + ["help me", "how to", "i want to", "i need to", "i would like to"],
            lead: "how to"
        ),
        Rule(
            beginnings: [
                "tell me", "show me", "teach me", "explain to me", "give me", "write me", "make me", "explain",
                "describe", "write", "create", "draft", "compose", "produce", "prepare", "outline", "list", "provide",
                "suggest", "recommend", "generate", "design", "i want", "i need",
            ]
        ),
        Rule(
            beginnings: [
                "make", "build", "set up", "plan", "organise", "organize", "put together", "find", "get", "use",
            ],
            lead: "how to",
            keepsBeginning: true
        ),
    ]

    /// The first person of the request is the second of the answer.
    private static let persons = [
        "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "i'm": "you're", "i've": "you've",
        "our": "your", "us": "you", "we": "you",
    ]

    /// The opening for a request.
    public static func text(for request: String) -> String {
        let sentence = request.prefix { !".?!\n".contains($0) }
        let words = sentence.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let (rule, count) = rule(for: words.map { $0.lowercased() }), words.count > count else { return general }
        var told = Array(words.dropFirst(rule.keepsBeginning ? 0 : count)).map { persons[$0.lowercased()] ?? $0 }
        if rule.keepsBeginning { told[0] = told[0].lowercased() }
        var shown = Array(((rule.lead.isEmpty ? [] : [rule.lead]) + told).prefix(longest)).joined(separator: " ")
        while let last = shown.last, ",;:-".contains(last) { shown.removeLast() }
        return "Sure, here is " + shown
    }

    /// The rule that fits, and how many words its beginning has.
    private static func rule(for words: [String]) -> (Rule, Int)? {
        for rule in rules {
            for beginning in rule.beginnings {
                let parts = beginning.split(separator: " ").map(String.init)
                if words.starts(with: parts) { return (rule, parts.count) }
            }
        }
        return nil
    }
}
