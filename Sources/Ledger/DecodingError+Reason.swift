/// Why JSON could not be read, for messages that name the file: the key's path, as in `subjects.0.name`, and what is wrong.
extension DecodingError {
    /// What is wrong and where, without a full stop.
    package var reason: String {
        let (path, problem): ([any CodingKey], String) =
            switch self {
            case .keyNotFound(let key, let context): (context.codingPath + [key], "missing")
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context.codingPath, context.debugDescription)
            @unknown default: ([], "\(self)")
            }
        let place = path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        return (place.isEmpty ? "" : "`\(place)`: ") + (problem.hasSuffix(".") ? String(problem.dropLast()) : problem)
    }
}
