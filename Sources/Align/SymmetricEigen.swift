/// Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations.
///
/// Every rotation makes one entry off the diagonal zero (Golub and Van Loan, Matrix Computations, section 8.5); a few
/// sweeps over all entries leave only the diagonal. Meant for as many rows as an adapter has ranks: its work grows with
/// the third power. It knows nothing about adapters.
struct SymmetricEigen {
    /// The largest first.
    let values: [Double]
    /// [n, n] row by row; column j belongs to value j and has length 1.
    let vectors: [Double]

    /// - Parameter matrix: [n, n], symmetric; only its upper half counts.
    init(_ matrix: [Double], size n: Int) {
        precondition(matrix.count == n * n, "\(matrix.count) values are no \(n) x \(n) matrix")
        var m = matrix
        for row in 0..<n { for column in 0..<row { m[row * n + column] = m[column * n + row] } }
        var v = [Double](repeating: 0, count: n * n)
        for index in 0..<n { v[index * n + index] = 1 }
        let all = m.reduce(0) { $0 + $1 * $1 }
        for _ in 0..<60 {
            var rest = 0.0
            for p in 0..<n { for q in (p + 1)..<max(n, p + 1) { rest += m[p * n + q] * m[p * n + q] } }
            if rest <= all * 1e-30 { break }
            for p in 0..<n {
                for q in (p + 1)..<max(n, p + 1) where m[p * n + q] != 0 {
                    Self.rotate(&m, &v, p, q, n)
                }
            }
        }
        let order = (0..<n).sorted { m[$0 * n + $0] > m[$1 * n + $1] }
        values = order.map { m[$0 * n + $0] }
        vectors = (0..<n).flatMap { row in order.map { v[row * n + $0] } }
    }

    /// Turns the plane of p and q so that entry (p, q) becomes zero.
    private static func rotate(_ m: inout [Double], _ v: inout [Double], _ p: Int, _ q: Int, _ n: Int) {
        let theta = (m[q * n + q] - m[p * n + p]) / (2 * m[p * n + q])
        let tangent = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let cosine = 1 / (tangent * tangent + 1).squareRoot()
        let sine = tangent * cosine
        for k in 0..<n {
            let (a, b) = (m[k * n + p], m[k * n + q])
            m[k * n + p] = cosine * a - sine * b
            m[k * n + q] = sine * a + cosine * b
        }
        for k in 0..<n {
            let (a, b) = (m[p * n + k], m[q * n + k])
            m[p * n + k] = cosine * a - sine * b
            m[q * n + k] = sine * a + cosine * b
            let (c, d) = (v[k * n + p], v[k * n + q])
            v[k * n + p] = cosine * c - sine * d
            v[k * n + q] = sine * c + cosine * d
        }
    }
}
