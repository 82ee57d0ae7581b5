import Foundation

/// Methods of strings, mappings and lists, as Python defines them.
enum TemplateMethods {
    static let ofStrings: Set<String> = [
        "capitalize", "count", "endswith", "find", "isalpha", "isdigit", "isspace", "join", "lower", "lstrip",
        "removeprefix", "removesuffix", "replace", "rfind", "rsplit", "rstrip", "split", "splitlines", "startswith",
        "strip", "title", "upper",
    ]
    static let ofMappings: Set<String> = ["copy", "get", "items", "keys", "values"]
    static let ofLists: Set<String> = ["append", "copy", "count", "index"]
}

/// The functions every template can call.
enum TemplateFunctions {
    static let names: Set<String> = ["dict", "namespace", "raise_exception", "range", "strftime_now"]
}

extension TemplateInterpreter {
    /// Calls a method.
    func callMethod(_ name: String, of owner: TemplateData, _ arguments: TemplateArguments) throws -> TemplateData {
        switch owner {
        case .string(let text):
            try charge(text.utf8.count)
            return try callMethod(name, ofText: text, arguments)
        case .dict(let pairs):
            switch name {
            case "get":
                guard let key = arguments.positional.first else { throw TemplateFault("get needs a key") }
                return TemplateData.value(of: key, in: pairs) ?? arguments.value(1, "default") ?? .none
            case "items": return .list(pairs.map { .tuple([$0.key, $0.value]) })
            case "keys": return .list(pairs.map(\.key))
            case "values": return .list(pairs.map(\.value))
            default: return owner
            }
        case .list(let items), .tuple(let items):
            if name == "copy" { return owner }
            guard name != "append" else { throw TemplateFault("append needs a list with a name") }
            guard let item = arguments.positional.first else { throw TemplateFault("\(name) needs a value") }
            if name == "count" { return .int(items.count { $0.equals(item) }) }
            guard let index = items.firstIndex(where: { $0.equals(item) }) else {
                throw TemplateFault("index: the value is not in the list")
            }
            return .int(index)
        case .loop(let state):
            if name == "cycle" {
                guard !arguments.positional.isEmpty else { throw TemplateFault("cycle needs values") }
                return arguments.positional[state.index % arguments.positional.count]
            }
            let mark = TemplateData.tuple(arguments.positional)
            defer { state.lastChanged = mark }
            return .bool(!(state.lastChanged?.equals(mark) ?? false))
        default: throw TemplateFault("\(owner.kindName) has no method '\(name)'")
        }
    }

    private func callMethod(_ name: String, ofText text: String, _ arguments: TemplateArguments) throws -> TemplateData
    {
        switch name {
        case "strip", "lstrip", "rstrip":
            return .string(
                PythonText.strip(text, try arguments.text(0, "chars"), left: name != "rstrip", right: name != "lstrip")
            )
        case "upper": return .string(PythonText.upper(text))
        case "lower": return .string(PythonText.lower(text))
        case "capitalize": return .string(PythonText.capitalize(text))
        case "title": return .string(titled(text))
        case "splitlines": return .list(PythonText.lines(text).map { .string($0) })
        case "split", "rsplit": return .list(try pieces(text, fromRight: name == "rsplit", arguments))
        case "startswith", "endswith": return .bool(try affix(text, atEnd: name == "endswith", arguments))
        case "replace":
            guard let old = try arguments.text(0, "old"), let new = try arguments.text(1, "new") else {
                throw TemplateFault("replace needs what to replace and by what")
            }
            return .string(try replaced(text, old, new, limit: try arguments.whole(2, "count")))
        case "join":
            let parts = try (arguments.positional.first ?? .list([])).elements().map { part in
                guard case .string(let part) = part else { throw TemplateFault("join needs strings") }
                return part
            }
            try charge(parts.reduce(0) { $0 + $1.utf8.count + text.utf8.count })
            return .string(parts.joined(separator: text))
        case "isdigit":
            return .bool(all(text) { $0.properties.numericType == .decimal || $0.properties.numericType == .digit })
        case "isalpha": return .bool(all(text) { isLetter($0) })
        case "isspace": return .bool(all(text, PythonText.isSpace))
        default: return try search(name, text, arguments)
        }
    }

    private func search(_ name: String, _ text: String, _ arguments: TemplateArguments) throws -> TemplateData {
        guard let part = try arguments.text(0, "sub") else { throw TemplateFault("\(name) needs a string") }
        switch name {
        case "removeprefix":
            guard text.utf8.starts(with: part.utf8) else { return .string(text) }
            return .string(PythonText.string(text.unicodeScalars.dropFirst(part.unicodeScalars.count)))
        case "removesuffix":
            guard text.utf8.reversed().starts(with: part.utf8.reversed()) else { return .string(text) }
            return .string(PythonText.string(text.unicodeScalars.dropLast(part.unicodeScalars.count)))
        default: break
        }
        guard !part.isEmpty else { throw TemplateFault("\(name) needs a string that is not empty") }
        let pieces = PythonText.split(text, by: part)
        switch name {
        case "count": return .int(pieces.count - 1)
        case "find": return .int(pieces.count > 1 ? pieces[0].unicodeScalars.count : -1)
        default:
            guard let tail = pieces.last, pieces.count > 1 else { return .int(-1) }
            let counts = [text, tail, part].map(\.unicodeScalars.count)
            return .int(counts[0] - counts[1] - counts[2])
        }
    }

    private func all(_ text: String, _ holds: (Unicode.Scalar) -> Bool) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy(holds)
    }

    private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `str.title`: a letter after anything that is not one is large.
    private func titled(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for scalar in text.unicodeScalars {
            result += isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            isInWord = scalar.properties.isCased
        }
        return result
    }

    private func pieces(_ text: String, fromRight: Bool, _ arguments: TemplateArguments) throws -> [TemplateData] {
        let limit = try arguments.whole(1, "maxsplit").map { $0 < 0 ? .max : $0 } ?? .max
        guard let separator = try arguments.text(0, "sep") else {
            guard !fromRight || limit == .max else { throw TemplateFault("rsplit with a limit needs a separator") }
            return PythonText.words(text, limit: limit).map { .string($0) }
        }
        guard !separator.isEmpty else { throw TemplateFault("split needs a separator that is not empty") }
        guard fromRight, limit != .max else {
            return PythonText.split(text, by: separator, limit: limit).map { .string($0) }
        }
        let all = PythonText.split(text, by: separator)
        let kept = max(1, all.count - min(limit, all.count))
        return [.string(all[..<kept].joined(separator: separator))] + all[kept...].map { .string($0) }
    }

    private func affix(_ text: String, atEnd: Bool, _ arguments: TemplateArguments) throws -> Bool {
        let choices: [TemplateData]
        switch arguments.positional.first {
        case .tuple(let parts)?: choices = parts
        case let part?: choices = [part]
        case nil: choices = []
        }
        return try choices.contains { choice in
            guard case .string(let part) = choice else {
                throw TemplateFault("\(atEnd ? "endswith" : "startswith") needs a string, not \(choice.kindName)")
            }
            return atEnd
                ? text.utf8.reversed().starts(with: part.utf8.reversed()) : text.utf8.starts(with: part.utf8)
        }
    }

    /// Calls a function that every template has.
    func callFunction(_ name: String, _ arguments: TemplateArguments) throws -> TemplateData {
        switch name {
        case "raise_exception":
            throw TemplateFault(PythonText.str(arguments.positional.first ?? .string("")), isRaisedByTemplate: true)
        case "range": return .list(try range(arguments))
        case "strftime_now":
            guard let format = try arguments.text(0, "format") else {
                throw TemplateFault("strftime_now needs a format")
            }
            return .string(format.isEmpty ? "" : formatted(format))
        default:
            var pairs: [(key: TemplateData, value: TemplateData)] = []
            if case .dict(let given)? = arguments.positional.first { pairs = given }
            for (name, value) in arguments.named {
                TemplateData.set(value, for: .string(name), in: &pairs)
            }
            guard name == "namespace" else { return try checked(.dict(pairs)) }
            let space = TemplateData.Namespace()
            space.values = pairs
            return .namespace(space)
        }
    }

    private func range(_ arguments: TemplateArguments) throws -> [TemplateData] {
        let bounds = try arguments.positional.map { bound in
            guard let bound = bound.whole else { throw TemplateFault("range needs whole numbers") }
            return bound
        }
        guard (1...3).contains(bounds.count) else { throw TemplateFault("range takes one to three numbers") }
        let (start, end) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
        let step = bounds.count == 3 ? bounds[2] : 1
        guard step != 0 else { throw TemplateFault("range's step must not be zero") }
        var values: [TemplateData] = []
        for value in stride(from: start, to: end, by: step) {
            guard values.count < Limit.range else {
                throw TemplateFault("range makes more than \(Limit.range) numbers")
            }
            values.append(.int(value))
        }
        try charge(values.count)
        return values
    }

    /// The run's moment in local time, by C's `strftime`.
    private func formatted(_ format: String) -> String {
        var seconds = time_t(now.timeIntervalSince1970.rounded(.down))
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { strftime($0, text.count, format, &parts) } ?? 0
            }
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
