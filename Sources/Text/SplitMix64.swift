/// A small random number generator whose stream is the same on every machine and in every release.
///
/// Everything that is drawn, shuffled or split from a seed goes through it, so a seed in a record names one order for
/// good; the standard library's own shuffle promises no such thing. Knows nothing about what is drawn.
/// Idea: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), mixing function 13.
public struct SplitMix64: RandomNumberGenerator, Sendable, Hashable {
    /// The counter; two generators with the same state give the same numbers from here on.
    public private(set) var state: UInt64

    /// Creates a generator whose stream is fixed by `seed`.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A whole number from 0 up to but not including `bound`, every one equally likely.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "a random number needs a bound above zero")
        let bound = UInt64(bound)
        // Multiply and keep the high half; low halves under the threshold would favour some numbers (Lemire 2019).
        let threshold = (0 &- bound) % bound
        while true {
            let (high, low) = next().multipliedFullWidth(by: bound)
            if low >= threshold { return Int(high) }
        }
    }

    /// A number from 0 up to but not including 1, on a grid of 2^53 steps.
    public mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// The numbers 0 to `count` - 1 in a random order (Fisher and Yates, from the end).
    public mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, below(last + 1))
        }
        return order
    }
}

extension RandomAccessCollection {
    /// The elements in an order that depends on the count and the seed alone.
    public func shuffled(seed: UInt64) -> [Element] {
        var generator = SplitMix64(seed: seed)
        let elements = Array(self)
        return generator.permutation(of: elements.count).map { elements[$0] }
    }
}
