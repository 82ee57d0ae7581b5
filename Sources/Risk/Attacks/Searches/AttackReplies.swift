import Foundation
import TemperText

/// Reads what attacker and evaluator models write.
///
/// Strict about meaning and lenient about form: what cannot be read is nil, never a guess. Knows nothing about searches.
enum AttackReplies {
    /// What an attacker proposes.
    struct Proposal: Hashable {
        /// What it changed, and why.
        var improvement: String
        /// The prompt for the subject.
        var prompt: String

        /// The proposal in the form that the attacker is asked for.
        var json: String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let data = try? encoder.encode(["improvement": improvement, "prompt": prompt])
            return data.map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }

    /// How the attacker's turn is begun for it; small models need that to write JSON at all.
    static let opening = "{\"improvement\": \""

    /// The first JSON object with the texts `improvement` and `prompt`, in the reply or in the opening and the reply.
    static func proposal(_ reply: String) -> Proposal? {
        for text in [reply, opening + reply] {
            for object in objects(in: text) {
                // Line ends inside strings are the commonest fault; JSON wants them escaped.
                let oneLine = object.replacing("\r\n", with: " ").replacing("\n", with: " ")
                for candidate in [object, oneLine] {
                    let value = try? JSONDecoder().decode([String: String].self, from: Data(candidate.utf8))
                    guard let value, let improvement = value["improvement"], let prompt = value["prompt"] else {
                        continue
                    }
                    let trimmed = prompt.trimmingCharacters(in: .whitespacesAndNewlines)
                    if !trimmed.isEmpty { return Proposal(improvement: improvement, prompt: trimmed) }
                }
            }
        }
        return nil
    }

    /// The stretches of a text from a brace to the one that closes it; braces inside strings do not count.
    private static func objects(in text: String) -> [String] {
        var found: [String] = []
        var start: String.Index?
        var (depth, isInString, isEscaped) = (0, false, false)
        for index in text.indices {
            let character = text[index]
            guard start != nil || character == "{" else { continue }
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == "\"" {
                    isInString = false
                }
                continue
            }
            switch character {
            case "\"": isInString = true
            case "{":
                if start == nil { start = index }
                depth += 1
            case "}":
                depth -= 1
                if depth == 0, let begin = start {
                    found.append(String(text[begin...index]))
                    start = nil
                }
            default: break
            }
        }
        return found
    }

    /// A score from 1 to 10, written `[[7]]`, `Rating: 7` or `7` alone, perhaps with `/10`.
    static func score(_ reply: String) -> Int? {
        let marked =
            reply.firstMatch(of: #/\[\[\s*(\d{1,3})\s*(?:/\s*10\s*)?\]\]/#)?.1
            ?? reply.firstMatch(of: #/(?i)(?:rating|score)\s*(?::|is)\s*\[*\s*(\d{1,3})(?![\d.,]*\d)/#)?.1
            ?? reply.wholeMatch(of: #/\s*\[*(\d{1,3})\s*(?:/\s*10)?\]*\.?\s*/#)?.1
        return marked.flatMap { Int($0) }.flatMap { (1...10).contains($0) ? $0 : nil }
    }

    /// Whether a prompt is on topic, written `[[YES]]`, or as the reply's first word.
    static func isOnTopic(_ reply: String) -> Bool? {
        let word =
            reply.firstMatch(of: #/(?i)\[\[\s*(yes|no)\s*\]\]/#)?.1
            ?? reply.prefixMatch(of: #/(?i)[\s\["'*]*(?:response:\s*)?(yes|no)\b/#)?.1
        return word.map { $0.lowercased() == "yes" }
    }
}
