import Foundation
import TemperText

/// Appends adversarial suffixes that a file lists, such as a gradient search has found.
///
/// Zou et al. 2023, GCG (arXiv 2307.15043), found that suffixes carry over between models. The package carries none. Knows
/// nothing about how a suffix was found.
enum Suffixes {
    static let card = AttackCard(
        name: "suffix",
        title: "Suffixes from a file",
        paper: "Zou et al. 2023, arXiv 2307.15043",
        licence: "that of the file",
        fidelity: .variant,
        summary:
            "Appends each suffix of a text file, one a line; how well they fit depends on the model they were found on.",
        budget: "1 query of the subject a suffix"
    )

    static let method = Attacks.Method.transform(card) { knobs in
        let file = try knobs.text("file", expected: "a text file with one suffix a line")
        let suffixes = try read(URL(fileURLWithPath: file))
        let hash = SHA256.hex(of: suffixes.joined(separator: "\n")).prefix(16)
        return Transform(card: card, version: "1 file=\(hash)", variants: suffixes.count) { chat in
            suffixes.map { chat.replacingRequest("\(chat.lastUserText) \($0)") }
        }
    }

    /// The suffixes of a file; empty lines and lines that begin with `# ` are left out.
    ///
    /// - Throws: `RiskError` naming the file, and the line where one is to blame.
    static func read(_ url: URL) throws -> [String] {
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw RiskError.unreadable(file: url.path, reason: error.localizedDescription)
        }
        var suffixes: [String: Int] = [:]
        var list: [String] = []
        for (index, bytes) in data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            func broken(_ reason: String) -> RiskError {
                .malformed(file: url.path, line: index + 1, reason: reason)
            }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw broken("is not UTF-8") }
            let suffix = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !suffix.isEmpty, !suffix.hasPrefix("# ") else { continue }
            guard suffix.utf8.count <= 4096 else { throw broken("a suffix has at most 4096 bytes") }
            if let first = suffixes.updateValue(index + 1, forKey: suffix) {
                throw broken("the suffix of line \(first) again; list each once")
            }
            list.append(suffix)
        }
        guard !list.isEmpty else {
            throw RiskError.unknownFormat(file: url.path, reason: "holds no suffix; write one a line")
        }
        return list
    }
}
