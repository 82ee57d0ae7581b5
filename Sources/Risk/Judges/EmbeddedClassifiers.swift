import Foundation

/// The text classifiers that the package carries, each read once.
///
/// Knows nothing about how they are used. `temper judge train NAME` makes each of them again.
package enum EmbeddedClassifiers {
    /// Whether a text is toxic.
    package static func toxicity() throws -> LinearTextClassifier { try storedToxicity.get() }
    /// Whether an answer gives harmful help.
    static func harm() throws -> LinearTextClassifier { try storedHarm.get() }
    /// Whether the beginning of an answer refuses.
    static func refusal() throws -> LinearTextClassifier { try storedRefusal.get() }

    private static let storedToxicity = Result { try read("toxicity") }
    private static let storedHarm = Result { try read("harm") }
    private static let storedRefusal = Result { try read("refusal") }

    private static func read(_ name: String) throws -> LinearTextClassifier {
        guard let url = Bundle.module.url(forResource: "Resources/\(name)", withExtension: "classifier") else {
            throw RiskError.unreadable(
                file: "Resources/\(name).classifier",
                reason: "it is not in the package's resources; build the package again"
            )
        }
        return try LinearTextClassifier(contentsOf: url)
    }
}
