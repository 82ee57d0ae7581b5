public import TemperModel
public import TemperTorch

/// How far a defence moves the weights away from what the user tuned.
extension Adapter {
    /// The norm of the difference of two updates of the same model over the norm of `tuned`: `||U - U_tuned|| /
    /// ||U_tuned||`, Frobenius, all modules taken as one vector. 0 is no change; 1 is as far as taking the whole update
    /// back.
    ///
    /// - Returns: nil where the tuned update is nothing.
    public func change(from tuned: Adapter) throws(TorchError) -> Double? {
        var (difference, whole) = (0.0, 0.0)
        let own = Dictionary(pairs.map { ($0.module, $0.pair) }) { first, _ in first }
        let theirs = Dictionary(tuned.pairs.map { ($0.module, $0.pair) }) { first, _ in first }
        for module in Set(own.keys).union(theirs.keys).sorted() {
            let update = try own[module].map { pair throws(TorchError) in try LowRank(pair) }
            let base = try theirs[module].map { pair throws(TorchError) in try LowRank(pair) }
            // ||U - T||^2 = <U, U> - 2 <U, T> + <T, T>
            let square = try base.map { base throws(TorchError) in try base.inner(base) } ?? 0
            whole += square
            difference += square
            if let update {
                difference += try update.inner(update)
                if let base { difference -= 2 * (try update.inner(base)) }
            }
        }
        return whole > 0 ? (max(0, difference) / whole).squareRoot() : nil
    }
}
