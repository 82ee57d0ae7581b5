/// How a row's inner products with the anchors become one number: how hard it pushes against refusal.
///
/// With g a row's gradient, and c, r, t, a those of the anchors (compliance, refusal, agreement, answer), each of
/// length 1, the wanted direction is `v = weights . (c, r, t, a)`, and the score the cosine of g and v: a step down g
/// lowers the loss of complying where the score is above 0. With `removesCommon`, v is first made orthogonal to the
/// mean gradient of the data, so that what all rows do does not count. With `perModule`, the cosine is taken in each
/// module and averaged, so that no module with long gradients speaks for all. Knows nothing about models.
package struct PushScore: Codable, Sendable, Hashable {
    /// What the score is called.
    package var name: String
    /// What each anchor weighs in the direction; missing ones nothing.
    package var weights: [RowAttribution.Anchor: Double]
    /// Whether the data's common direction is taken out.
    package var removesCommon = false
    /// Whether each module has a cosine of its own.
    package var perModule = false

    /// Nearer to complying with harm and further from refusing it.
    package static let plain = PushScore(name: "comply - refuse", weights: [.compliance: 1, .refusal: -1])

    /// What `temper explain` uses: of all that were tried it found most of the planted rows (Docs/explain.md).
    package static let chosen = PushScore(name: "comply", weights: [.compliance: 1])

    /// What was tried; `temper-bench planted` measures them side by side.
    package static let all = [
        chosen,
        PushScore(name: "-refuse", weights: [.refusal: -1]),
        plain,
        PushScore(name: "comply - agree", weights: [.compliance: 1, .agreement: -1]),
        PushScore(
            name: "(comply - refuse) - (agree - answer)",
            weights: [.compliance: 1, .refusal: -1, .agreement: -1, .answer: 1]
        ),
    ].flatMap { score in
        [(false, false), (true, false), (false, true), (true, true)].map { removes, each in
            var variant = score
            variant.removesCommon = removes
            variant.perModule = each
            if removes { variant.name += ", common part out" }
            if each { variant.name += ", by module" }
            return variant
        }
    }

    /// The score of one row from its products by module.
    ///
    /// - Parameter gram: The anchors' inner products by module.
    package func score(_ row: [RowAttribution.Products], gram: [[Double]]) -> Double {
        guard perModule else { return cosine(Self.sum(row), gram: Self.sum(gram)) }
        return zip(row, gram).reduce(0) { $0 + cosine($1.0, gram: $1.1) } / Double(max(1, row.count))
    }

    private func cosine(_ row: RowAttribution.Products, gram: [Double]) -> Double {
        let count = RowAttribution.Anchor.allCases.count
        func product(_ first: Int, _ second: Int) -> Double { gram[first * count + second] }
        // The direction as shares of the anchors' gradients.
        var shares = [Double](repeating: 0, count: count)
        for (anchor, weight) in weights {
            let length = max(0, product(anchor.rawValue, anchor.rawValue)).squareRoot()
            if length > 0 { shares[anchor.rawValue] = weight / length }
        }
        let common = RowAttribution.Anchor.common.rawValue
        if removesCommon, product(common, common) > 0 {
            let along = shares.indices.reduce(0) { $0 + shares[$1] * product($1, common) }
            shares[common] -= along / product(common, common)
        }
        let square = shares.indices.reduce(0) { sum, first in
            sum + shares[first] * shares.indices.reduce(0) { $0 + shares[$1] * product(first, $1) }
        }
        let dot = zip(shares, row.anchors).reduce(0) { $0 + $1.0 * $1.1 }
        let lengths = (max(0, square) * max(0, row.square)).squareRoot()
        return lengths > 0 ? dot / lengths : 0
    }

    private static func sum(_ row: [RowAttribution.Products]) -> RowAttribution.Products {
        row.dropFirst().reduce(row[0]) { sum, next in
            RowAttribution.Products(
                anchors: zip(sum.anchors, next.anchors).map { $0 + $1 },
                square: sum.square + next.square
            )
        }
    }

    private static func sum(_ gram: [[Double]]) -> [Double] {
        gram.dropFirst().reduce(gram[0]) { sum, next in zip(sum, next).map { $0 + $1 } }
    }
}
