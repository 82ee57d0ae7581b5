/// What can be wrong with a weight file, in words that name the file, the place and the remedy.
///
/// Every reader and writer of this module throws this one type. It knows nothing about models: a name here is a
/// tensor's name in a file, never a layer.
public enum WeightsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file or directory cannot be opened or mapped.
    case cannotRead(path: String, reason: String)
    /// The file cannot be written; whatever was at the path before is untouched.
    case cannotWrite(path: String, reason: String)
    /// The content contradicts itself or its format.
    case malformed(path: String, reason: String)
    /// The file is shorter than its own tables say.
    case truncated(path: String, reason: String)
    /// The file holds no tensor of this name.
    case missingTensor(path: String, name: String)
    /// The tensor is stored in a type that cannot be decoded here.
    case unsupportedType(path: String, tensor: String, type: String, remedy: String)

    /// One sentence that names the file and what to do.
    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "cannot read \(path): \(reason)"
        case .cannotWrite(let path, let reason):
            "cannot write \(path): \(reason); nothing was changed there"
        case .malformed(let path, let reason):
            "\(path) is not a valid weight file: \(reason)"
        case .truncated(let path, let reason):
            "\(path) is incomplete: \(reason); copy or download it again"
        case .missingTensor(let path, let name):
            "\(path) holds no tensor named \"\(name)\"; check that the file belongs to this model"
        case .unsupportedType(let path, let tensor, let type, let remedy):
            "\(path): tensor \"\(tensor)\" is stored as \(type), which cannot be decoded; \(remedy)"
        }
    }
}
