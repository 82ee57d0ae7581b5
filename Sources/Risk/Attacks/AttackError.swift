/// What is wrong with an attack that was asked for.
public enum AttackError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no such attack.
    case unknownAttack(String, known: [String])
    /// The attack has no such knob.
    case unknownKnob(attack: String, knob: String, known: [String])
    /// A knob's value is impossible.
    case badKnob(attack: String, knob: String, value: String, expected: String)
    /// Only transforms can be joined by `+`.
    case notComposable(String)
    /// An attack needs a model that nobody gave.
    case missingRole(String)
    /// The suite's probes cannot be attacked.
    case notAttackable(suite: String, reason: String)
    /// What an earlier attack wrote was made from something else.
    case otherAttack(file: String, reason: String)

    /// What is wrong, and what is possible.
    public var description: String {
        switch self {
        case .unknownAttack(let name, let known):
            "there is no attack named '\(name)'; the attacks are \(known.joined(separator: ", "))"
        case .unknownKnob(let attack, let knob, let known):
            known.isEmpty
                ? "the attack \(attack) has no knob '\(knob)'; it has none"
                : "the attack \(attack) has no knob '\(knob)'; it has \(known.joined(separator: ", "))"
        case .badKnob(let attack, let knob, let value, let expected):
            "the attack \(attack): \(knob) is \(value), expected \(expected)"
        case .notComposable(let name):
            "'\(name)' is a search; only attacks that rewrite the request can be joined by '+'"
        case .missingRole(let role):
            "the attack needs \(role == "attacker" ? "an" : "a model as") \(role); name one (--\(role) MODEL, or "
                + "assess.\(role) in a recipe)"
        case .notAttackable(let suite, let reason):
            "the suite '\(suite)' cannot be attacked: \(reason)"
        case .otherAttack(let file, let reason):
            "\(file) holds \(reason); choose another output folder, or delete it"
        }
    }
}

/// The knobs of an attack as a recipe gives them; each is read once, and none may be left over.
public struct AttackKnobs: Sendable {
    private let attack: String
    private let values: [String: String]
    private(set) var known: [String] = []

    init(attack: String, values: [String: String]) {
        self.attack = attack
        self.values = values
    }

    mutating func count(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws -> Int {
        known.append(name)
        guard let text = values[name] else { return standard }
        guard let value = Int(text), range.contains(value) else {
            throw bad(name, text, "a whole number, \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func number(_ name: String, default standard: Double, in range: ClosedRange<Double>) throws -> Double {
        known.append(name)
        guard let text = values[name] else { return standard }
        guard let value = Double(text), range.contains(value) else {
            throw bad(name, text, "\(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func text(_ name: String, expected: String) throws -> String {
        known.append(name)
        guard let text = values[name], !text.isEmpty else { throw bad(name, "missing", expected) }
        return text
    }

    private func bad(_ knob: String, _ value: String, _ expected: String) -> AttackError {
        .badKnob(attack: attack, knob: knob, value: value, expected: expected)
    }
}
