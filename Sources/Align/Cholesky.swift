import TemperTorch

/// The lower triangle C of a symmetric positive definite matrix H, `H = C C^T`, and what it takes to divide by it.
///
/// Block by block from the left (Golub and Van Loan, Matrix Computations, section 4.2), in double precision: only the
/// blocks on the diagonal are worked on number by number, all else is products of matrices. It knows nothing about
/// where H comes from.
@TorchActor
struct Cholesky {
    /// C, [n, n] float64; above the diagonal there is nothing.
    let factor: Tensor
    /// The inverses of C's blocks on the diagonal.
    private let inverses: [Tensor]
    static let block = 32

    /// - Parameter matrix: [n, n] float64; only its lower half counts.
    init(_ matrix: Tensor) throws(TorchError) {
        let n = matrix.shape[0]
        let factor = try Tensor.zeros([n, n], dtype: .float64, device: matrix.device)
        var inverses: [Tensor] = []
        for start in stride(from: 0, to: n, by: Self.block) {
            let size = min(Self.block, n - start)
            func below(_ whole: Tensor, from column: Int, _ width: Int) throws(TorchError) -> Tensor {
                try whole.narrowed(0, from: start, length: n - start).narrowed(1, from: column, length: width)
            }
            var columns = try below(matrix, from: start, size)
            if start > 0 {
                let left = try below(factor, from: 0, start)
                let own = try left.narrowed(0, from: 0, length: size).transposed(0, 1)
                columns = try columns.adding(left.matmul(own), times: -1)
            }
            let square = try columns.narrowed(0, from: 0, length: size).contiguous().doubles()
            let inverse = try Tensor.from(
                Self.inverse(square, size: size),
                shape: [size, size],
                device: matrix.device
            )
            // On the diagonal itself this is C C^T C^-T.
            try below(factor, from: start, size).copy(from: columns.matmul(inverse.transposed(0, 1)))
            inverses.append(inverse)
        }
        self.factor = factor
        self.inverses = inverses
    }

    /// `C^-1 right`, for right [n, m] float64.
    func divided(_ right: Tensor) throws(TorchError) -> Tensor {
        let out = try Tensor.zeros(right.shape, dtype: .float64, device: right.device)
        var start = 0
        for inverse in inverses {
            let size = inverse.shape[0]
            var rows = try right.narrowed(0, from: start, length: size)
            if start > 0 {
                let left = try factor.narrowed(0, from: start, length: size).narrowed(1, from: 0, length: start)
                rows = try rows.adding(left.matmul(out.narrowed(0, from: 0, length: start)), times: -1)
            }
            try out.narrowed(0, from: start, length: size).copy(from: inverse.matmul(rows))
            start += size
        }
        return out
    }

    /// The inverse of the lower triangle of one block, row by row.
    static func inverse(_ matrix: [Double], size n: Int) -> [Double] {
        var c = [Double](repeating: 0, count: n * n)
        var inverse = c
        for row in 0..<n {
            for column in 0...row {
                var rest = matrix[row * n + column]
                for k in 0..<column { rest -= c[row * n + k] * c[column * n + k] }
                // Rounding may leave less than nothing of what is next to nothing.
                c[row * n + column] =
                    row == column ? max(rest, .leastNormalMagnitude).squareRoot() : rest / c[column * n + column]
            }
            for column in 0...row {
                var rest = row == column ? 1.0 : 0
                for k in column..<max(row, column) { rest -= c[row * n + k] * inverse[k * n + column] }
                inverse[row * n + column] = rest / c[row * n + row]
            }
        }
        return inverse
    }
}
