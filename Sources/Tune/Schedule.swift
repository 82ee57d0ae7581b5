import Foundation

/// The learning rate at each step: a linear warm-up from 0, then a decay, indexed as `transformers` does.
public struct Schedule: Sendable, Hashable {
    /// The highest learning rate.
    public var peak: Double
    /// Steps of warm-up.
    public var warmupSteps: Int
    /// All steps.
    public var totalSteps: Int
    /// The shape of the decay.
    public var kind: TrainingSettings.Scheduler

    /// The schedule that settings ask for.
    public init(_ settings: TrainingSettings, totalSteps: Int) {
        peak = settings.learningRate
        warmupSteps = settings.warmupSteps ?? Int((settings.warmupRatio * Double(totalSteps)).rounded(.up))
        self.totalSteps = totalSteps
        kind = settings.lrSchedulerType
    }

    /// The learning rate of step `index`, counted from 0; step 0 of a warm-up has rate 0.
    public func rate(at index: Int) -> Double {
        if index < warmupSteps { return peak * Double(index) / Double(max(warmupSteps, 1)) }
        let progress = Double(index - warmupSteps) / Double(max(totalSteps - warmupSteps, 1))
        switch kind {
        case .constant: return peak
        case .linear: return peak * max(0, 1 - progress)
        case .cosine: return peak * max(0, 0.5 * (1 + cos(Double.pi * progress)))
        }
    }
}
