/// Makes a smooth function small: L-BFGS with backtracking.
///
/// Knows nothing about what the function is. Liu and Nocedal 1989: the last steps and changes of the gradient stand for
/// the inverse Hessian (two-loop recursion), and a step is halved until the function falls enough (Armijo). No randomness.
package enum LimitedMemoryBFGS {
    /// The point that was reached from `start`, after at most `iterations` steps.
    ///
    /// - Parameter function: gives the value at a point and writes the gradient there.
    package static func minimum(
        from start: [Double],
        iterations: Int,
        memory: Int = 8,
        tolerance: Double = 1e-6,
        of function: (_ point: [Double], _ gradient: inout [Double]) -> Double
    ) -> [Double] {
        var point = start
        var gradient = [Double](repeating: 0, count: start.count)
        var value = function(point, &gradient)
        var history: [(step: [Double], change: [Double], curvature: Double)] = []
        var trial = point
        var trialGradient = gradient
        for _ in 0..<iterations {
            let direction = descent(gradient, history)
            let slope = dot(direction, gradient)
            guard slope < 0 else { break }
            var length = history.isEmpty ? min(1, 1 / dot(gradient, gradient).squareRoot()) : 1
            var next = value
            var halvings = 0
            repeat {
                for index in point.indices { trial[index] = point[index] + length * direction[index] }
                next = function(trial, &trialGradient)
                if next <= value + 1e-4 * length * slope { break }
                length /= 2
                halvings += 1
            } while halvings < 30
            guard halvings < 30 else { break }
            let step = zip(trial, point).map { $0 - $1 }
            let change = zip(trialGradient, gradient).map { $0 - $1 }
            let curvature = dot(step, change)
            if curvature > 1e-12 * dot(change, change) {
                if history.count == memory { history.removeFirst() }
                history.append((step, change, curvature))
            }
            let gain = value - next
            swap(&point, &trial)
            swap(&gradient, &trialGradient)
            value = next
            if gain <= tolerance * max(1e-12, abs(value)) { break }
        }
        return point
    }

    /// The direction against the gradient, bent by the history.
    private static func descent(
        _ gradient: [Double],
        _ history: [(step: [Double], change: [Double], curvature: Double)]
    ) -> [Double] {
        var direction = gradient.map { -$0 }
        var factors: [Double] = []
        for (step, change, curvature) in history.reversed() {
            let factor = dot(step, direction) / curvature
            factors.append(factor)
            add(-factor, change, to: &direction)
        }
        if let (_, change, curvature) = history.last {
            let scale = curvature / dot(change, change)
            for index in direction.indices { direction[index] *= scale }
        }
        for (index, (step, change, curvature)) in history.enumerated() {
            let factor = factors[history.count - 1 - index] - dot(change, direction) / curvature
            add(factor, step, to: &direction)
        }
        return direction
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for index in a.indices { sum += a[index] * b[index] }
        return sum
    }

    private static func add(_ factor: Double, _ other: [Double], to target: inout [Double]) {
        for index in target.indices { target[index] += factor * other[index] }
    }
}
