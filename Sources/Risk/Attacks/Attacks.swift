package import TemperText

/// Every attack there is: one entry an attack, exhaustive, never filled at run time.
public enum Attacks {
    /// An attack: its card, and how to make it from knobs.
    public struct Method: Sendable {
        /// What it is.
        public var card: AttackCard
        /// Makes the attack; throws `AttackError` for impossible knobs.
        let make: @Sendable (_ knobs: inout AttackKnobs) throws -> Made

        /// A rewriting can be joined with others; a search cannot.
        enum Made {
            case transform(Transform)
            case search(any Attack)
        }

        static func transform(_ card: AttackCard, _ make: @escaping @Sendable (inout AttackKnobs) throws -> Transform)
            -> Method
        {
            Method(card: card, make: { .transform(try make(&$0)) })
        }

        static func transform(_ transform: Transform) -> Method { .transform(transform.card) { _ in transform } }

        static func search(
            _ card: AttackCard,
            _ make: @escaping @Sendable (inout AttackKnobs) throws -> any Attack
        ) -> Method {
            Method(card: card, make: { .search(try make(&$0)) })
        }
    }

    /// All attacks.
    public static let all: [Method] = [
        RolePlay.method, PrefixInjection.method, PrefixInjection.prefill, RefusalSuppression.method,
        SystemOverride.method, PastTense.method, ForeignFrame.method, PayloadSplitting.method, ManyShot.method,
        Suffixes.method,
        Base64Encoding.method, HexEncoding.method, CaesarCipher.rot13, CaesarCipher.method, ReversedText.method,
        Leetspeak.method, MorseCode.method, LetterArt.method, HiddenCharacters.zeroWidth, HiddenCharacters.homoglyphs,
        BestOfN.method, Crescendo.scripted, Crescendo.method, TreeSearch.pair, TreeSearch.tap,
    ]

    /// The attack of this name.
    public static func method(named name: String) throws -> Method {
        guard let method = all.first(where: { $0.card.name == name }) else {
            throw AttackError.unknownAttack(name, known: all.map(\.card.name))
        }
        return method
    }

    /// The knobs of an attack, or of all parts of a composition.
    ///
    /// - Throws: `AttackError.unknownAttack`.
    public static func knobs(of name: String) throws -> [String] {
        try name.split(separator: "+", omittingEmptySubsequences: false).flatMap { part in
            var knobs = AttackKnobs(attack: String(part), values: [:])
            // Making it reads every knob, also where one that has no default is missing.
            let method = try method(named: String(part))
            _ = try? method.make(&knobs)
            return knobs.known
        }
    }

    /// Makes an attack: one name, or names of transforms joined by `+`, which act from left to right.
    ///
    /// - Parameter values: the knobs; each must be known to one of the parts.
    /// - Throws: `AttackError` naming the part and the knob.
    public static func make(_ name: String, knobs values: [String: String] = [:]) throws -> any Attack {
        let names = name.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
        var transforms: [Transform] = []
        var alone: (any Attack)?
        var known: [String] = []
        for part in names {
            let method = try method(named: part)
            var knobs = AttackKnobs(attack: part, values: values)
            let made = try method.make(&knobs)
            known += knobs.known
            switch made {
            case .transform(let transform): transforms.append(transform)
            case .search(let search):
                guard names.count == 1 else { throw AttackError.notComposable(part) }
                alone = search
            }
        }
        if let extra = values.keys.sorted().first(where: { !known.contains($0) }) {
            throw AttackError.unknownKnob(attack: name, knob: extra, known: known)
        }
        return alone ?? TransformAttack(transforms)
    }

    /// The conversations that a rewriting, with its own knobs, makes of one, without asking anybody.
    ///
    /// - Throws: `AttackError` for a name that there is not, or that is a search.
    package static func rewritten(_ chat: Chat, by name: String) throws -> [Chat] {
        var knobs = AttackKnobs(attack: name, values: [:])
        guard case .transform(let transform) = try method(named: name).make(&knobs) else {
            throw AttackError.notComposable(name)
        }
        return transform.apply(chat)
    }
}
