public import Foundation
public import TemperGuard
public import TemperModel
public import TemperRisk
import TemperTorch
import TemperTune

/// Identifies a subject by all that its answers depend on, so that kept answers are never taken for another's.
///
/// Knows nothing about what is asked.
public enum SubjectFingerprint {
    /// A model on this machine: its files, those of its adapter, the float type, the device and the program's version.
    @TorchActor
    public static func local(_ model: LanguageModel, adapter: URL?) throws -> String {
        let parts = [
            "local", Machine.version, try files(model.url), try adapter.map(files) ?? "", model.dtype.rawValue,
            "\(model.device)",
        ]
        return SHA256.hex(of: parts.joined(separator: "\n"))
    }

    /// A model behind an endpoint: the address and the name. What runs there may change all the same.
    public static func endpoint(_ settings: EndpointSettings) -> String {
        SHA256.hex(of: ["endpoint", settings.shownAddress, settings.model].joined(separator: "\n"))
    }

    /// A subject behind a guard: the policy and the program's version, which stands for the rails; without a policy, the
    /// subject itself. `encoder` identifies what the rails ask a second time.
    public static func guarded(_ fingerprint: String, by policy: Policy?, encoder: String? = nil) throws -> String {
        guard let policy else { return fingerprint }
        let parts = ["guard", Machine.version, fingerprint, PolicyFile.yaml(policy)] + [encoder].compactMap { $0 }
        return SHA256.hex(of: parts.joined(separator: "\n"))
    }

    /// The SHA-256 of one file, or of the weights and configuration of a directory, which may be a checkpoint's.
    static func files(_ url: URL) throws -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue else {
            return try SHA256.hex(contentsOf: url)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
            .filter { name in [".safetensors", ".json", ".jinja"].contains { name.hasSuffix($0) } }
            .filter { !Checkpoint.filesToGoOn.contains($0) }
        return SHA256.hex(
            of: try names.map { "\($0) \(try SHA256.hex(contentsOf: url.appendingPathComponent($0)))" }.joined(
                separator: "\n"
            )
        )
    }
}
