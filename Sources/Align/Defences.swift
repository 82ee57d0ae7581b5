/// Every defence there is: one entry a method, exhaustive, never filled at run time.
public enum Defences {
    /// A method: its card, and how to make it from knobs.
    public struct Method: Sendable {
        /// What it is.
        public var card: DefenceCard
        /// Makes the defence; throws `DefenceError` for unknown or impossible knobs.
        public var make: @Sendable (_ knobs: inout Knobs) throws -> Defence
    }

    /// All methods.
    public static let all: [Method] = [
        SafetyMix.method, BaseRegularisation.method, Interpolation.method, Realignment.method,
        LowerRate.method, ProximalUpdate.method, FrozenLayers.method, ConstrainedTuning.method,
        AlternatingTuning.method, GradientProjection.method, DeepRefusals.method, PromptedServing.method,
        Preflight.method, SafeLoRA.method, SafetyVector.method, SafeMerge.method, RefusalRestoration.method,
        Vaccine.method, Booster.method, SafeDelta.method,
    ]

    /// The method of this name.
    public static func method(named name: String) throws -> Method {
        guard let method = all.first(where: { $0.card.method == name }) else {
            throw DefenceError.unknownMethod(name, known: all.map(\.card.method))
        }
        return method
    }

    /// Makes a defence; every knob must be known to the method.
    public static func make(_ name: String, knobs values: [String: String]) throws -> Defence {
        let method = try method(named: name)
        var knobs = Knobs(method: name, values: values)
        let defence = try method.make(&knobs)
        try knobs.finish()
        return defence
    }
}

/// What is wrong with a defence in a recipe.
public enum DefenceError: Error, CustomStringConvertible, Sendable, Hashable {
    /// There is no such method.
    case unknownMethod(String, known: [String])
    /// The method has no such knob.
    case unknownKnob(method: String, knob: String, known: [String])
    /// A knob's value is impossible.
    case badKnob(method: String, knob: String, value: String, expected: String)
    /// The method works with the safety vector, and there is none.
    case noAlignment(method: String)
    /// The method cannot be used with this model.
    case unsupported(method: String, reason: String)

    /// What is wrong, and what is possible.
    public var description: String {
        switch self {
        case .unknownMethod(let name, let known):
            "unknown defence \"\(name)\"; there are \(known.joined(separator: ", "))"
        case .unknownKnob(let method, let knob, let known):
            "defence \(method) has no knob \"\(knob)\"; it has \(known.joined(separator: ", "))"
        case .badKnob(let method, let knob, let value, let expected):
            "defence \(method): \(knob) is \(value), expected \(expected)"
        case .noAlignment(let method):
            "defence \(method) works with what safety alignment changed in the weights, and nothing was "
                + "aligned in this run; add an `align` section to the recipe, or leave the defence out"
        case .unsupported(let method, let reason):
            "defence \(method) cannot be used with this model: \(reason)"
        }
    }
}

/// The knobs of a defence as a recipe gives them; each is read once, and none may be left over.
public struct Knobs {
    private let method: String
    private let values: [String: String]
    private var known: [String] = []

    init(method: String, values: [String: String]) {
        self.method = method
        self.values = values
    }

    mutating func number(_ name: String, default standard: Double, in range: ClosedRange<Double>) throws -> Double {
        known.append(name)
        guard let text = values[name] else { return standard }
        guard let value = Double(text), range.contains(value) else {
            throw DefenceError.badKnob(
                method: method,
                knob: name,
                value: text,
                expected: "\(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    mutating func count(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws -> Int {
        let value = try number(
            name,
            default: Double(standard),
            in: Double(range.lowerBound)...Double(range.upperBound)
        )
        guard let whole = Int(exactly: value) else {
            throw DefenceError.badKnob(method: method, knob: name, value: "\(value)", expected: "a whole number")
        }
        return whole
    }

    mutating func choice<Value>(_ name: String, default standard: Value) throws -> Value
    where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
        known.append(name)
        guard let text = values[name] else { return standard }
        guard let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw DefenceError.badKnob(method: method, knob: name, value: text, expected: "one of \(names)")
        }
        return value
    }

    mutating func text(_ name: String, default standard: String) throws -> String {
        known.append(name)
        guard let text = values[name] else { return standard }
        guard !text.allSatisfy(\.isWhitespace) else {
            throw DefenceError.badKnob(method: method, knob: name, value: text, expected: "a text")
        }
        return text
    }

    func finish() throws {
        if let extra = values.keys.sorted().first(where: { !known.contains($0) }) {
            throw DefenceError.unknownKnob(method: method, knob: extra, known: known)
        }
    }
}
