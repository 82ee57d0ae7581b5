import TemperText

/// An example as a row of JSON Lines that reads back as the same example: in the format `messages`, or `preference`
/// where it has a worse end.
///
/// Knows nothing about the format that the example was read from.
public struct ExampleRow: Encodable, Sendable {
    private struct Turn: Encodable {
        var role: Message.Role
        var content: String
        /// 0 for an assistant's turn that is not learned from; otherwise left out.
        var weight: Int?
    }

    private var messages: [Turn]?
    private var chosen: [Turn]?
    private var rejected: [Turn]?
    private var category: String?

    /// The row of an example.
    public init(_ example: Example) {
        func turns(of chat: Chat) -> [Turn] {
            chat.messages.enumerated().map { index, message in
                let isSkipped = message.role == .assistant && example.rejected == nil && !example.isTrained(index)
                return Turn(role: message.role, content: message.content, weight: isSkipped ? 0 : nil)
            }
        }
        category = example.category
        if let worse = example.rejected {
            (chosen, rejected) = (turns(of: example.chat), turns(of: worse))
        } else {
            messages = turns(of: example.chat)
        }
    }
}
