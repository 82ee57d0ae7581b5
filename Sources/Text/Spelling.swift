/// What somebody meant by a mistyped name.
package enum Spelling {
    /// The name that a mistyped one comes nearest to, the first of several; nil where none is near.
    package static func nearest(to word: String, among names: [String]) -> String? {
        let found = names.map { (name: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
        return found.flatMap { $0.distance <= max(2, word.count / 2) ? $0.name : nil }
    }

    /// How many letters to insert, remove, replace or swap with a neighbour to get from one word to another
    /// (Damerau's distance in its restricted form).
    static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first.utf8)
        let b = Array(second.utf8)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
