import Foundation
import TemperTorch

/// Rotary positions (RoPE, arXiv 2104.09864): pairs of a head's values are turned by an angle that grows with the position.
package struct Rotary: Sendable, Hashable {
    /// How the angles are stretched beyond the context that a model was trained on.
    package enum Scaling: Sendable, Hashable {
        /// Not at all.
        case none
        /// Positions divided by a factor.
        case linear(factor: Double)
        /// Llama 3.1: low frequencies divided by `factor`, a smooth step between the two wavelengths.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalContext: Int)
        /// Each frequency divided by a number of its own, as llama.cpp's table `rope_freqs.weight` or the short factors of
        /// LongRoPE (arXiv 2402.13753) say, and sines and cosines multiplied by `magnitude`.
        case table([Double], magnitude: Double)
    }

    /// `rope_theta`
    package var theta: Double
    /// The values of a head that are turned, the first ones.
    package var size: Int
    /// `rope_scaling`
    package var scaling: Scaling

    /// Angles per position: one frequency for each pair of values.
    package var inverseFrequencies: [Double] {
        (0..<(size / 2)).map { index in
            let frequency = pow(theta, -2 * Double(index) / Double(size))
            switch scaling {
            case .none:
                return frequency
            case .linear(let factor):
                return frequency / factor
            case .table(let divisors, _):
                return frequency / divisors[index]
            case .llama3(let factor, let low, let high, let original):
                let wavelength = 2 * Double.pi / frequency
                if wavelength < Double(original) / high { return frequency }
                if wavelength > Double(original) / low { return frequency / factor }
                let smooth = (Double(original) / wavelength - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}

/// Cosines and sines of every position, for one rotary.
@TorchActor
struct RotaryTable {
    private let cosines: Tensor
    private let sines: Tensor
    private let size: Int

    init(_ rotary: Rotary, positions: Int, device: Device) throws(TorchError) {
        size = rotary.size
        let frequencies = rotary.inverseFrequencies.map { Float($0) }
        let magnitude: Float = if case .table(_, let magnitude) = rotary.scaling { Float(magnitude) } else { 1 }
        var cosine = [Float](repeating: 0, count: positions * frequencies.count)
        var sine = cosine
        for position in 0..<positions {
            for (index, frequency) in frequencies.enumerated() {
                // The reference multiplies in float32, and the angle's rounding shows at long positions.
                let angle = Float(position) * frequency
                cosine[position * frequencies.count + index] = cos(angle) * magnitude
                sine[position * frequencies.count + index] = sin(angle) * magnitude
            }
        }
        let shape = [positions, frequencies.count]
        cosines = try Tensor(cosine, shape: shape, device: device)
        sines = try Tensor(sine, shape: shape, device: device)
    }

    /// The angles of some positions [t].
    func angles(at positions: Tensor) throws(TorchError) -> RotaryAngles {
        RotaryAngles(
            cosine: try cosines.selected(0, positions),
            sine: try sines.selected(0, positions),
            size: size
        )
    }
}

/// How far the queries and keys of a batch are turned.
@TorchActor
struct RotaryAngles {
    /// [t, size / 2]
    let cosine: Tensor
    let sine: Tensor
    let size: Int

    /// x [t, h, d] with the first `size` values of each head turned.
    func turn(_ x: Tensor) throws(TorchError) -> Tensor {
        let rest = x.shape[2] - size
        guard rest > 0 else { return try Layers.rope(x, cosine: cosine, sine: sine) }
        let turned = try Layers.rope(x.narrowed(2, from: 0, length: size), cosine: cosine, sine: sine)
        return try .concatenated([turned, x.narrowed(2, from: size, length: rest)], along: 2)
    }
}
