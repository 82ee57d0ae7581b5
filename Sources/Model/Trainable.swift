public import Foundation
public import TemperTorch

/// What a training changes of a model: an adapter beside its weights, or the weights themselves.
@TorchActor
public protocol Trainable: AnyObject, Sendable {
    /// The float32 tensors that are trained, always in the same order.
    var parameters: [Tensor] { get }
    /// What each parameter is called, for the files of a checkpoint.
    var names: [String] { get }

    /// Puts the parameters on a model.
    func attach(to model: LanguageModel) throws
    /// Lets the model see that the parameters have moved.
    func refresh() throws(TorchError)
    /// A copy with its own memory.
    func copy() throws(TorchError) -> Self
    /// Writes the parameters into a directory, as files that other programs read.
    ///
    /// - Parameters:
    ///   - base: What a user calls the model that the training started from.
    ///   - alignment: The adapter that was merged into that model before the training.
    func save(to directory: URL, for base: String, alignment: Adapter?) throws
    /// What `save` wrote for a training like this one, in the order of `parameters`; nil where it belongs to another.
    func saved(in directory: URL, for model: LanguageModel) throws -> [Tensor]?
}

extension Adapter {
    /// The layers read the matrices themselves.
    public func refresh() {}

    /// Writes the adapter; where it was trained on top of an alignment, also both in one, in the folder
    /// `Adapter.onBase`, because the base alone is what a user can load.
    public func save(to directory: URL, for base: String, alignment: Adapter?) throws {
        guard let alignment else { return try save(to: directory, baseModel: base) }
        try save(to: directory, baseModel: "\(base) (aligned; \(Adapter.onBase)/ fits the model as it is)")
        try composed(with: alignment).save(to: directory.appendingPathComponent(Adapter.onBase), baseModel: base)
    }

    /// The matrices of an adapter with the same modules and the same rank.
    public func saved(in directory: URL, for model: LanguageModel) throws -> [Tensor]? {
        let saved = try Adapter.load(from: directory, for: model)
        return saved.names == names && saved.configuration.r == configuration.r ? saved.parameters : nil
    }
}
