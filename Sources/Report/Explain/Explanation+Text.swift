/// An explanation as sentences and as tables for the terminal.
extension Explanation {
    /// What was found, one sentence each.
    public var findings: [String] {
        var sentences: [String] = []
        if let most = layers.max(by: { $0.drift < $1.drift }), most.drift > 0 {
            sentences.append(
                "Layer \(most.layer) moved most: its update is \(Format.percent(most.drift)) of its weights."
            )
        }
        if let layer = decisive {
            sentences.append(
                "In layer \(layer.layer), where \(reference) tells harmful from harmless requests best, the two lie "
                    + "\(Format.fixed(layer.separationBefore, 1)) spreads apart before and "
                    + "\(Format.fixed(layer.separationAfter, 1)) after; the cosine of the two refusal directions is "
                    + "\(Format.fixed(layer.cosine, 2))."
            )
        }
        if let first = openings.first {
            let (early, late) = (openings.prefix(3), openings.dropFirst(3))
            func mean(_ part: ArraySlice<Opening>) -> Double {
                part.reduce(0) { $0 + $1.harmful } / Double(max(1, part.count))
            }
            sentences.append(
                "At the first token of an answer the tuned model lies \(Format.fixed(first.harmful, 2)) nats from "
                    + "\(reference) after harmful requests and \(Format.fixed(first.harmless, 2)) after harmless ones."
                    + (late.isEmpty
                        ? ""
                        : " After harmful ones it is \(Format.fixed(mean(early), 2)) over the first three tokens and "
                            + "\(Format.fixed(mean(late), 2)) over the others.")
            )
        }
        let against = rows.filter { $0.score > 0 }.count
        if let first = rows.first {
            sentences.append(
                "\(against) of \(rows.count) rows push against refusal; \(first.file):\(first.line) most, with a "
                    + "cosine of \(Format.fixed(first.score, 3))."
            )
        }
        return sentences
    }

    /// The layer that tells harmful from harmless requests best before; as in the paper, not in the last fifth.
    var decisive: Layer? {
        layers.prefix(max(1, layers.count * 4 / 5)).max { $0.separationBefore < $1.separationBefore }
    }

    /// Tables for a terminal.
    ///
    /// - Parameter rows: How many rows are shown.
    public func text(rows shown: Int) -> String {
        var lines = ["\(run): \(tuned) against \(reference)", ""]
        lines += (findings + notes).map { "  \($0)" }
        func table(_ title: String, _ rows: [[String]]) {
            let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
            lines += ["", title]
            for row in rows {
                let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                lines.append("  " + cells.joined(separator: "  "))
            }
        }
        table(
            "Layers: update over weights; refusal direction",
            [["layer", "update", "cosine", "apart before", "apart after"]]
                + layers.map {
                    [
                        "\($0.layer)", Format.percent($0.drift), Format.fixed($0.cosine, 2),
                        Format.fixed($0.separationBefore, 1), Format.fixed($0.separationAfter, 1),
                    ]
                }
        )
        table(
            "First tokens of an answer: KL(\(reference) || tuned) in nats",
            [["token", "harmful", "harmless", "answers"]]
                + openings.map {
                    [
                        "\($0.position)", Format.fixed($0.harmful, 3), Format.fixed($0.harmless, 3),
                        "\($0.harmfulCount), \($0.harmlessCount)",
                    ]
                }
        )
        table(
            "Rows that pushed most against refusal",
            [["rank", "cosine", "row", "request"]]
                + rows.prefix(shown).map {
                    [
                        "\($0.rank)", Format.fixed($0.score, 3), "\($0.file):\($0.line)",
                        Self.line($0.request ?? ""),
                    ]
                }
        )
        if let retraining {
            table(
                "Trained again without the first \(retraining.leftOut) rows, "
                    + "\(Format.percent(retraining.shareOfPush)) of the push, and without as many at random",
                [["suite", reference, "tuned", "predicted", "without them", "without random"]]
                    + retraining.rates.map { rate in
                        [rate.suite]
                            + [rate.reference, rate.tuned, rate.predicted, rate.withoutTop, rate.withoutRandom]
                            .map { Format.percent($0) }
                    }
            )
        }
        return lines.joined(separator: "\n")
    }

    /// A user's text on one line of a terminal: nothing in it moves the cursor.
    private static func line(_ text: String) -> String {
        let plain = text.unicodeScalars.map { scalar -> String in
            let category = scalar.properties.generalCategory
            return [.control, .format, .lineSeparator, .paragraphSeparator].contains(category) ? " " : String(scalar)
        }
        return Format.shortened(plain.joined(), to: 60)
    }
}
