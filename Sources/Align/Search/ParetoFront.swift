/// The points that no other point beats: the Pareto front of several costs.
///
/// It knows nothing about what the costs are; smaller is better in each.
public enum ParetoFront {
    /// The positions of the points on the front, in order. A point is beaten by one that is nowhere worse and somewhere
    /// better; equal points stand together.
    ///
    /// - Parameter points: The costs of each point, all of the same number; nil is unknown, and neither better nor worse.
    public static func indices(_ points: [[Double?]]) -> [Int] {
        points.indices.filter { own in !points.contains { beats($0, points[own]) } }
    }

    private static func beats(_ first: [Double?], _ second: [Double?]) -> Bool {
        precondition(first.count == second.count, "points of one space")
        let known = zip(first, second).compactMap { a, b in a.flatMap { a in b.map { (a, $0) } } }
        return known.count == first.count && known.allSatisfy { $0 <= $1 } && known.contains { $0 < $1 }
    }
}
