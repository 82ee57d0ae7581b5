import Foundation

/// The one thread that owns libtorch.
///
/// Gradient mode, the random generator and the OpenMP pool of libtorch are per thread, and long matrix work must not
/// block Swift's cooperative pool. Everything that keeps a `Tensor` across calls is isolated to this actor; inside it
/// calls are plain synchronous Swift, outside it the compiler asks for `await`.
@globalActor
public actor TorchActor {
    /// The actor.
    public static let shared = TorchActor()

    private nonisolated let thread = TorchThread()

    /// The executor: one dedicated thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        thread.asUnownedSerialExecutor()
    }

    /// Runs a closure on the torch thread.
    public static func run<Result: Sendable>(
        _ body: @TorchActor @Sendable () async throws -> Result
    ) async rethrows -> Result {
        try await body()
    }
}

/// A serial executor on one thread of its own.
///
/// `@unchecked Sendable`: the only mutable state is the job queue, touched solely under `condition`.
private final class TorchThread: SerialExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    init() {
        let thread = Thread { [self] in loop() }
        // The backward pass of a deep network recurses when it frees its graph.
        thread.stackSize = 64 << 20
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    /// Asked on threads that the executor does not know: `Workers`' threads work while this one waits for them.
    func checkIsolated() {
        precondition(WorkerThread.isCurrent, "not on the torch thread")
    }

    private func loop() {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            let batch = jobs
            jobs = []
            condition.unlock()
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }
}
