/// Text that means nothing to a Markdown reader, so that a name or an answer can stand in a table.
enum Markdown {
    /// One line, with everything that could be markup or HTML escaped.
    static func text(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\r", "\t": result += " "
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\\", "`", "*", "_", "|", "[", "]", "#", "!", "~", "$", "@": result += "\\" + String(scalar)
            default:
                let category = scalar.properties.generalCategory
                if [.control, .format, .lineSeparator, .paragraphSeparator].contains(category) { continue }
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
