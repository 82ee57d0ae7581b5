import Foundation

/// How many prompts a comparison needs, and the smallest change that so many prompts would show.
///
/// Knows nothing about suites. Two-sided tests at 5 % with 80 % power. Paired: McNemar's test as Connor 1987
/// (Biometrics 43, 207-211) plans it. Unpaired: two rates with the pooled variance under the null (Fleiss 1981, 3.2).
public enum Power {
    /// The standard normal quantile of 0.8.
    private static let zPower = 0.841_621_233_572_914_2

    /// Prompts for a paired comparison to find a difference.
    ///
    /// With D the share of prompts that change sides and d the difference of the rates,
    /// n = (z1 sqrt(D) + z2 sqrt(D - d^2))^2 / d^2.
    ///
    /// - Parameters:
    ///   - difference: The change of the rate to be found, from 0 to 1, either way.
    ///   - discordant: The share of prompts that change sides; where it is below the difference, the difference counts,
    ///     because so many must change sides at least.
    public static func pairedPrompts(difference: Double, discordant: Double) -> Int {
        precondition(difference != 0 && abs(difference) <= 1, "a difference to be found lies between 0 and 1")
        return Int(pairedCount(abs(difference), discordant).rounded(.up))
    }

    private static func pairedCount(_ difference: Double, _ discordant: Double) -> Double {
        let discordant = min(1, max(discordant, difference))
        let root =
            Statistics.z * discordant.squareRoot()
            + zPower * (max(0, discordant - difference * difference)).squareRoot()
        return root * root / (difference * difference)
    }

    /// The smallest difference that a paired comparison of `n` prompts finds with the planned power; nil where not even
    /// a change of every prompt would do.
    public static func detectable(n: Int, discordant: Double) -> Double? {
        let n = Double(n)
        guard n > 0, pairedCount(1, discordant) <= n else { return nil }
        // The count falls as the difference grows.
        var (low, high) = (0.0, 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if middle > 0, pairedCount(middle, discordant) <= n { high = middle } else { low = middle }
        }
        return high
    }

    /// Prompts for each of two unpaired samples to tell one rate from another.
    public static func unpairedPrompts(from first: Double, to second: Double) -> Int {
        precondition((0...1).contains(first) && (0...1).contains(second) && first != second, "two rates that differ")
        let mean = (first + second) / 2
        let root =
            Statistics.z * (2 * mean * (1 - mean)).squareRoot()
            + zPower * (first * (1 - first) + second * (1 - second)).squareRoot()
        let distance = second - first
        return Int((root * root / (distance * distance)).rounded(.up))
    }
}
