package import TemperModel
import TemperTorch

/// How far a training moved each module of a model: the Frobenius norm of the update over that of the weight.
///
/// `||s B A|| / ||W||` of a LoRA pair (Hu et al., arXiv 2106.09685, section 4.1), without making the product; of
/// weights that were trained themselves, `||W' - W|| / ||W||`. Knows nothing about safety.
package struct UpdateDrift: Sendable, Hashable {
    /// The module's name as in the Hugging Face files.
    package var module: String
    /// `||update|| / ||weight||`.
    package var relative: Double
    /// `||update||`.
    package var norm: Double
    /// `||weight||`.
    package var length: Double

    /// The drift of each module that was trained, in the order of the network.
    @TorchActor
    package static func of(_ tuned: any Trainable, on reference: LanguageModel) throws -> [UpdateDrift] {
        func drift(_ module: String, _ norm: Double, _ weight: Tensor) throws -> UpdateDrift {
            let length = try weight.to(.float32).norm()
            return UpdateDrift(module: module, relative: length > 0 ? norm / length : 0, norm: norm, length: length)
        }
        return try withoutGradients {
            guard let adapter = tuned as? Adapter else {
                let before = try FullWeights(of: reference).parameters
                return try zip(tuned.names, zip(tuned.parameters, before)).map { name, pair in
                    let start = try pair.1.detached()
                    return try drift(name, try pair.0.detached().adding(start, times: -1).norm(), start)
                }
            }
            let linears = Dictionary(uniqueKeysWithValues: reference.network.linears.map { ($0.name, $0) })
            return try adapter.pairs.map { module, pair in
                guard let linear = linears[module] else { preconditionFailure("an adapter of another model") }
                return try drift(module, try LowRank(pair).norm(), try linear.weight)
            }
        }
    }

    /// The layer that a module lies in, from 0: the first number in its name; nil outside the layers.
    package var layer: Int? {
        module.split(separator: ".").lazy.compactMap { Int($0) }.first
    }

    /// The drift of each layer as a whole: `sqrt(sum of squares of updates / sum of squares of weights)`.
    package static func byLayer(_ modules: [UpdateDrift]) -> [(layer: Int, relative: Double)] {
        let groups = Dictionary(grouping: modules.filter { $0.layer != nil }) { $0.layer ?? 0 }
        return groups.sorted { $0.key < $1.key }.map { layer, modules in
            let updates = modules.reduce(0) { $0 + $1.norm * $1.norm }
            let weights = modules.reduce(0) { $0 + $1.length * $1.length }
            return (layer, weights > 0 ? (updates / weights).squareRoot() : 0)
        }
    }
}
