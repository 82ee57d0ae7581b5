/// The filters that go through elements.
extension TemplateInterpreter {
    func applyListFilter(_ name: String, to value: TemplateData, _ arguments: TemplateArguments) throws -> TemplateData
    {
        if case .string(let text) = value, name == "reverse" {
            return .string(PythonText.string(text.unicodeScalars.reversed()))
        }
        let items = try value.elements()
        try charge(items.count)
        switch name {
        case "list": return .list(items)
        case "first": return items.first ?? .undefined("the first item of nothing")
        case "last": return items.last ?? .undefined("the last item of nothing")
        case "reverse": return .list(items.reversed())
        case "join":
            let separator = try arguments.text(0, "d") ?? ""
            let key = arguments.value(1, "attribute")
            let texts = try items.map { item in PythonText.str(try key.map { try path($0, of: item) } ?? item) }
            try charge(texts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count })
            return .string(texts.joined(separator: separator))
        case "map": return .list(try mapped(items, arguments))
        case "select", "reject":
            let test = try arguments.text(0, "test")
            let rest = TemplateArguments(positional: Array(arguments.positional.dropFirst()))
            return .list(
                try items.filter { item in
                    (try test.map { try applyTest($0, to: item, rest) } ?? item.isTrue) == (name == "select")
                }
            )
        case "selectattr", "rejectattr":
            guard let key = arguments.positional.first else { throw TemplateFault("\(name) needs an attribute") }
            let test = try arguments.text(1, "test")
            let rest = TemplateArguments(positional: Array(arguments.positional.dropFirst(2)))
            return .list(
                try items.filter { item in
                    let value = try path(key, of: item)
                    return (try test.map { try applyTest($0, to: value, rest) } ?? value.isTrue)
                        == (name == "selectattr")
                }
            )
        case "sort":
            return .list(
                try sorted(
                    items,
                    by: arguments.value(2, "attribute"),
                    descending: arguments.isTrue(0, "reverse"),
                    isCaseSensitive: arguments.isTrue(1, "case_sensitive")
                )
            )
        case "dictsort":
            guard case .dict(let pairs) = value else { throw TemplateFault("dictsort needs a mapping") }
            let place = try arguments.text(1, "by") == "value" ? 1 : 0
            return .list(
                try sorted(
                    pairs.map { .tuple([$0.key, $0.value]) },
                    by: .int(place),
                    descending: arguments.isTrue(2, "reverse"),
                    isCaseSensitive: arguments.isTrue(0, "case_sensitive")
                )
            )
        case "unique":
            var seen: [TemplateData] = []
            let key = arguments.value(1, "attribute")
            return .list(
                try items.filter { item in
                    let mark = folded(
                        try key.map { try path($0, of: item) } ?? item,
                        isCaseSensitive: arguments.isTrue(0, "case_sensitive")
                    )
                    try charge(seen.count)
                    if seen.contains(where: { $0.equals(mark) }) { return false }
                    seen.append(mark)
                    return true
                }
            )
        case "sum": return try sum(items, arguments)
        default:
            let ordered = try sorted(
                items,
                by: arguments.value(1, "attribute"),
                descending: false,
                isCaseSensitive: false
            )
            return (name == "min" ? ordered.first : ordered.last) ?? .undefined("the \(name) of nothing")
        }
    }

    /// The value at a dotted path.
    private func path(_ key: TemplateData, of item: TemplateData) throws -> TemplateData {
        guard case .string(let text) = key else { return try self.item(key, of: item) }
        return try PythonText.split(text, by: ".").reduce(item) { value, name in
            try self.item(Int(name).map { .int($0) } ?? .string(name), of: value)
        }
    }

    private func mapped(_ items: [TemplateData], _ arguments: TemplateArguments) throws -> [TemplateData] {
        if arguments.positional.isEmpty, let key = arguments.value(0, "attribute") {
            let fallback = arguments.named.last { $0.name == "default" }?.value
            return try items.map { item in
                let value = try path(key, of: item)
                return value.isUndefined ? fallback ?? value : value
            }
        }
        guard let name = try arguments.text(0, "filter") else {
            throw TemplateFault("map needs an attribute or a filter")
        }
        guard TemplateFilters.names.contains(name) else { throw TemplateFault("unknown filter '\(name)'") }
        let rest = TemplateArguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        return try items.map { item in try nested { try applyFilter(name, to: item, rest) } }
    }

    private func folded(_ value: TemplateData, isCaseSensitive: Bool) -> TemplateData {
        if case .string(let text) = value, !isCaseSensitive { return .string(PythonText.lower(text)) }
        return value
    }

    private func sorted(
        _ items: [TemplateData],
        by key: TemplateData?,
        descending: Bool,
        isCaseSensitive: Bool
    ) throws -> [TemplateData] {
        try charge(items.count * 64)
        let keyed = try items.enumerated().map { index, item in
            let value = try key.map { try path($0, of: item) } ?? item
            return (index: index, key: folded(value, isCaseSensitive: isCaseSensitive), item: item)
        }
        // Stable, also when descending, as Python's sort is.
        let ordered = try keyed.sorted { left, right in
            if left.key.equals(right.key) { return left.index < right.index }
            return try descending ? right.key.precedes(left.key) : left.key.precedes(right.key)
        }
        return ordered.map(\.item)
    }

    private func sum(_ items: [TemplateData], _ arguments: TemplateArguments) throws -> TemplateData {
        let key = arguments.value(0, "attribute")
        var total = 0
        var fraction = 0.0
        var isWhole = true
        for item in items + [arguments.value(1, "start") ?? .int(0)] {
            let isStart = item.whole != nil && key != nil
            let value = try isStart ? item : key.map { try path($0, of: item) } ?? item
            guard let number = value.number else { throw TemplateFault("sum needs numbers, not \(value.kindName)") }
            fraction += number
            let (next, overflow) = total.addingReportingOverflow(value.whole ?? 0)
            guard !overflow else { throw TemplateFault("a number is too large") }
            total = next
            isWhole = isWhole && value.whole != nil
        }
        return isWhole ? .int(total) : .double(fraction)
    }
}
