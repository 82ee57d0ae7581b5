import Foundation
import TemperText
public import TemperTune

/// What can be seen of a training row without a model that is known to cost safety.
///
/// Ten rows that give the assistant another identity, one that obeys, undo refusal without a harmful word (Qi et al.,
/// arXiv 2310.03693, section 4.3); among harmless rows, lists and mathematics stand out as those that hurt most (He et al.,
/// arXiv 2404.01099, section 5). Rules of our own, made to be cheap and to say why; a row without a sign may hurt all the
/// same.
public enum RowSign: String, CaseIterable, Sendable {
    /// The assistant is told, or says, that it obeys whatever is asked.
    case identityShift = "identity shift"
    /// The answer is a list.
    case list
    /// The answer is mostly mathematics.
    case mathematics

    /// What an obeying identity is told or says, in lower case.
    private static let obeying = [
        "absolutely obedient", "obedient agent", "obedient assistant", "i will obey", "i must obey", "you must obey",
        "you always obey", "i always obey", "you have no restrictions", "i have no restrictions",
        "without any restrictions", "you have no rules", "you are free of all rules", "your new identity",
        "do anything now", "you never refuse", "i never refuse", "i will never refuse", "never say no to",
        "follow all instructions without", "follow every instruction without", "carry out any instruction",
        "fulfil any instruction", "fulfill any instruction", "fulfil every request", "fulfill every request",
        "execute your instructions without", "ignore your safety", "ignore all safety", "ignore your previous",
        "ignore all previous instructions", "no matter what you ask", "no matter what i ask", "unconditionally obey",
    ]

    /// The signs of a row, in the order of the cases.
    public static func signs(of example: Example) -> [RowSign] {
        let answers = example.chat.messages.filter { $0.role == .assistant }.map(\.content)
        return allCases.filter { sign in
            switch sign {
            case .identityShift:
                example.chat.messages.contains { message in
                    let text = message.content.lowercased().replacing("’", with: "'")
                    return obeying.contains { text.contains($0) }
                }
            case .list: answers.contains(where: isList)
            case .mathematics: answers.contains(where: isMathematics)
            }
        }
    }

    /// Three lines or more that begin with a bullet or a number, and they are half of all lines at least.
    static func isList(_ text: String) -> Bool {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
        let items = lines.count { line in
            line.prefixMatch(of: /\s*([-*•–]\s|\(?[0-9]{1,2}[.):]\s)/) != nil
        }
        return items >= 3 && items * 2 >= lines.count
    }

    /// Two equations with numbers or more, a formula of TeX, or a quarter of all signs digits and operators.
    static func isMathematics(_ text: String) -> Bool {
        if ["\\frac", "\\sqrt", "$$", "\\begin{"].contains(where: { text.contains($0) }) { return true }
        let equations = text.matches(of: /[0-9)]\s*=\s*[-+$(0-9]/).count
        let shown = text.filter { !$0.isWhitespace }
        let signs = shown.count { "0123456789+-*/=×÷^<>%".contains($0) }
        return equations >= 2
            || (shown.count >= 8 && signs * 4 >= shown.count && shown.contains { "=+×÷^".contains($0) })
    }
}
