import Foundation
public import TemperModel
import TemperText
import TemperTorch
public import TemperTune

/// Preflight: rows that are likely to cost safety are left out before anything is trained.
///
/// He et al., "What is in Your Safe Data?" (arXiv 2404.01099): among harmless rows a few do most of the damage, and they
/// can be found by how near the model sees them to complying with harm and how far from refusing (section 3, representation
/// matching with anchors on both sides). With z a row's state, h and s the mean states of harmful requests that are
/// complied with and refused, the score is `cos(z - (h + s) / 2, h - s)`, in units of its spread over the rows, plus
/// `format_weight` where the answer is a list or mathematics (their section 5). The top share is left out, and every row
/// that gives the assistant an obeying identity (arXiv 2310.03693).
///
/// Variant: a state is the mean over those from which the first tokens of the answer are predicted, the prompt's last one
/// being the first; and no harmful answer is used: what complies is an opening that says nothing, such as "Sure, here is
/// how.", after a harmful request.
public struct Preflight: DataDefence {
    /// The share of rows that is left out.
    public var share: Double
    /// What a list or mathematics adds to the score, in units of its spread.
    public var formatWeight: Double = 0.5
    /// Tokens of the answer that are looked at.
    public var tokens: Int = 10

    /// Harmful requests that are looked at.
    private static let anchors = 48

    static let method = Defences.Method(
        card: DefenceCard(
            method: "preflight",
            title: "Rows that cost safety left out",
            stage: .data,
            paper: "arXiv 2404.01099; arXiv 2310.03693",
            fidelity: .variant,
            summary:
                "Leaves out the rows that the model sees nearest to complying with harm, and those that shift its identity; one pass over the data."
        )
    ) { knobs in
        .data(
            Preflight(
                share: try knobs.number("share", default: 0.1, in: 0...0.9),
                formatWeight: try knobs.number("format_weight", default: 0.5, in: 0...100),
                tokens: try knobs.count("tokens", default: 10, in: 1...1000)
            )
        )
    }

    /// By what can be seen without a model: signs alone.
    public func prepare(_ data: Dataset, seed: UInt64) throws -> Dataset {
        leavingOut(data, scores: data.examples.map { _ in 0 })
    }

    /// By signs and by how the model sees the rows.
    @TorchActor
    public func prepare(_ data: Dataset, for model: LanguageModel, seed: UInt64) throws -> Dataset {
        let requests = try AlignmentData.draw(Self.anchors, from: [.refusals], seed: seed)
        let harmful = try states(of: RefusalAnchors.agreeing(requests), in: model).compactMap { $0 }
        let safe = try states(of: requests, in: model).compactMap { $0 }
        let rows = try states(of: data.examples, in: model)
        return leavingOut(data, scores: Self.standardised(Self.cosines(rows, harmful: harmful, safe: safe)))
    }

    /// `cos(z - (h + s) / 2, h - s)` of each row, h and s being means; nil where a row has no state.
    static func cosines(_ rows: [[Float]?], harmful: [[Float]], safe: [[Float]]) -> [Double?] {
        let (h, s) = (RefusalDirection.mean(harmful), RefusalDirection.mean(safe))
        let direction = zip(h, s).map { $0 - $1 }
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let length = product(direction, direction).squareRoot()
        return rows.map { row in
            guard let row else { return nil }
            let place = zip(row, zip(h, s)).map { Double($0) - ($1.0 + $1.1) / 2 }
            let lengths = product(place, place).squareRoot() * length
            return lengths > 0 ? product(place, direction) / lengths : 0
        }
    }

    /// Scores in units of their spread around their mean; 0 where there is none.
    static func standardised(_ scores: [Double?]) -> [Double] {
        let known = scores.compactMap { $0 }
        let mean = known.reduce(0, +) / Double(max(1, known.count))
        let spread = (known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, known.count))).squareRoot()
        return scores.map { score in score.map { spread > 0 ? ($0 - mean) / spread : 0 } ?? 0 }
    }

    /// The data without the rows of the highest scores, and a note that names each row that is gone.
    private func leavingOut(_ data: Dataset, scores: [Double]) -> Dataset {
        let signs = data.examples.map(RowSign.signs)
        let total = scores.indices.map { index in
            scores[index] + (signs[index].contains { $0 != .identityShift } ? formatWeight : 0)
        }
        let shifted = Set(signs.indices.filter { signs[$0].contains(.identityShift) })
        let hasScores = scores.contains { $0 != 0 }
        let ranked = total.indices.filter { !shifted.contains($0) && (total[$0] != 0 || hasScores) }
            .sorted { (-total[$0], $0) < (-total[$1], $1) }
        let top = Set(ranked.prefix(Int(share * Double(data.count))))
        var kept = data
        kept.examples = data.examples.indices.filter { !shifted.contains($0) && !top.contains($0) }
            .map { data.examples[$0] }
        let gone = data.examples.indices.filter { shifted.contains($0) || top.contains($0) }
        guard !gone.isEmpty else { return kept }
        kept.name = "\(data.name), preflight"
        let listed = gone.map { index in
            let why = signs[index].map(\.rawValue)
            return "\(data.examples[index].source)" + (why.isEmpty ? "" : " (\(why.joined(separator: ", ")))")
        }
        kept.notes.append("\(gone.count) of \(data.count) rows left out: \(listed.joined(separator: ", "))")
        return kept
    }

    /// The mean state from which the first tokens of each row's answer are predicted, [d], under the model before any
    /// training; nil where nothing of a row can be learned.
    @TorchActor
    private func states(of examples: [Example], in model: LanguageModel) throws -> [[Float]?] {
        let rows = try examples.map { example -> TokenizedExample? in
            do {
                let row = try Dataset(name: "row", examples: [example]).tokenized(for: model, cutoffLength: 1024).rows[
                    0
                ]
                let targets = row.targets.prefix(tokens)
                guard let last = targets.last else { return nil }
                return TokenizedExample(
                    ids: Array(row.ids[...last]),
                    isTarget: Array(row.isTarget[...last]),
                    source: row.source
                )
            } catch TrainingError.nothingToLearn {
                return nil
            }
        }
        var states: [[Float]?] = []
        for start in stride(from: 0, to: rows.count, by: 8) {
            let batch = Array(rows[start..<min(start + 8, rows.count)])
            let known = batch.compactMap { $0 }
            guard !known.isEmpty else {
                states += batch.map { _ in nil }
                continue
            }
            let values = try withoutGradients { () throws(TorchError) in
                try model.targetStates(of: known, adapted: false).floats()
            }
            let width = values.count / known.reduce(0) { $0 + $1.targetCount }
            var rest = values[...]
            for row in batch {
                guard let row else {
                    states.append(nil)
                    continue
                }
                let own = rest.prefix(row.targetCount * width)
                rest = rest.dropFirst(own.count)
                var sum = [Float](repeating: 0, count: width)
                for (index, value) in own.enumerated() { sum[index % width] += value }
                states.append(sum.map { $0 / Float(row.targetCount) })
            }
        }
        return states
    }
}
