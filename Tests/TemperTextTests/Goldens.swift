import Foundation
import TemperText

/// Reads the reference values that `Tests/Goldens/text/generate.py` wrote.
enum Goldens {
    /// Where they lie.
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Goldens/text")

    /// A text and the ids the reference tokenizer gives it.
    struct Encoding: Decodable {
        var text: String
        var ids: [Int]
        /// What the ids decode to, where that is not the text.
        var decoded: String?
        /// What the ids from the second to the middle decode to without special tokens.
        var cut: String?
    }

    /// A rendered template.
    struct Rendering: Decodable {
        var name: String
        var source: String
        var chat: [Message]
        var prompt: Bool
        var text: String
        var ranges: [[Int]]
    }

    /// A template that must fail.
    struct Failure: Decodable {
        var name: String
        var source: String
        var line: Int?
    }

    struct Templates: Decodable {
        var cases: [Rendering]
        var errors: [Failure]
    }

    static func read<Value: Decodable>(_ type: Value.Type, _ file: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(file)))
    }

    /// A tokenizer with a vocabulary of about 600, trained for the tests.
    static func tokenizer(_ style: String) throws -> Tokenizer {
        try Tokenizer(directory: folder.appendingPathComponent(style))
    }
}

/// Whether two texts have the same bytes; `==` would accept canonically equivalent ones.
func isSame(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
}
