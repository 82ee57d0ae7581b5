import Synchronization

/// A value that one thread at a time may touch: a `Mutex` for functions that wait as well.
///
/// `Mutex` knows its owner by a thread-local number, and the optimiser of Swift 6.3 keeps the place of a thread-local over
/// an `await`. Inlined behind one, locking writes down the thread that ran before it, unlocking looks for the present
/// one, and the program ends with "Call to unlock Mutex on a thread which hasn't acquired the lock". A call that is not
/// inlined finds the place anew.
package final class Locked<Value>: Sendable {
    private let mutex: Mutex<Value>

    /// A value behind a lock of its own.
    package init(_ value: consuming sending Value) {
        mutex = Mutex(value)
    }

    /// Runs `body` with the value while nobody else can.
    @inline(never)
    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock(body)
    }
}
