import CTemperTorch
import Foundation
import Synchronization

/// Threads that work for the torch thread on parts of one job, while it works on a part itself.
///
/// One operation of a small network is too short to be split over processors: the threads of an operation spend more
/// time waiting for each other than computing. So the *data* is split, each thread carries its part through the whole
/// network on one processor, and nobody waits before the end.
@TorchActor
package enum Workers {
    /// How many parts a job on `device` is best cut into: one a processor on the CPU, one on an accelerator.
    package static func parts(of count: Int, on device: Device) -> Int {
        device == .cpu ? max(1, min(Torch.threads, count)) : 1
    }

    /// Items in as many groups as a job on `device` is best cut into, each of about the same size in all and none empty.
    package static func balanced<Item>(_ items: [Item], on device: Device, size: (Item) -> Int) -> [[Item]] {
        let count = parts(of: items.count, on: device)
        var groups = [[Item]](repeating: [], count: count)
        var sizes = [Int](repeating: 0, count: count)
        for item in items.sorted(by: { size($0) > size($1) }) {
            let smallest = sizes.indices.min { (sizes[$0], $0) < (sizes[$1], $1) } ?? 0
            groups[smallest].append(item)
            sizes[smallest] += size(item)
        }
        return groups
    }

    /// Runs `body` once for each part, at the same time; results in the order of the parts.
    ///
    /// The caller stays on the torch thread and waits, so `body` has the actor's state to itself, as long as no part
    /// changes what another one reads. Gradient mode and the number of threads are each thread's own: operations run on
    /// one thread, and a part that is not the first starts with gradients on. A part calls `checkCancellation` from time
    /// to time.
    ///
    /// - Throws: the error of the first part that failed, after all have ended.
    package static func run<Result>(
        _ parts: Int,
        _ body: @escaping @TorchActor (_ part: Int) throws -> Result
    ) throws -> [Result] {
        precondition(!WorkerThread.isCurrent, "a part has no parts")
        Torch.operationThreads = parts > 1 ? 1 : Torch.threads
        stopped.store(false, ordering: .relaxed)
        guard parts > 1 else { return [try body(0)] }
        // The helpers run on the torch thread's behalf while it blocks here: same isolation, other threads.
        let job = Job(parts: parts, body: unsafeBitCast(body, to: ((Int) throws -> Result).self))
        for part in 1..<parts { pool.thread(part - 1).submit { job.run(part) } }
        job.run(0)
        return try job.wait()
    }

    /// Throws where the task was cancelled, or another part of the job has failed.
    package static func checkCancellation() throws {
        if stopped.load(ordering: .relaxed) { throw CancellationError() }
        try Task.checkCancellation()
    }

    /// Whether a part of the present job has failed; only the first part's thread knows of the task's cancellation.
    fileprivate nonisolated static let stopped = Atomic(false)
    private static let pool = Pool()
}

/// One job: what to do, and what has come of it.
///
/// `@unchecked Sendable`: each part writes only its own place, and all else is touched after all parts have ended.
private final class Job<Result>: @unchecked Sendable {
    private var body: ((Int) throws -> Result)?
    private let group = DispatchGroup()
    private var outcomes: UnsafeMutableBufferPointer<Swift.Result<Result, any Error>?>

    init(parts: Int, body: @escaping (Int) throws -> Result) {
        self.body = body
        outcomes = .allocate(capacity: parts)
        outcomes.initialize(repeating: nil)
        for _ in 0..<parts { group.enter() }
    }

    deinit {
        outcomes.deinitialize()
        outcomes.deallocate()
    }

    func run(_ part: Int) {
        work(on: part)
        group.leave()
    }

    /// A function of its own, so that this thread holds nothing of a part's outcome when it is told to have ended.
    private func work(on part: Int) {
        guard let body else { preconditionFailure("the job has ended") }
        let outcome = Swift.Result { try body(part) }
        if case .failure = outcome { Workers.stopped.store(true, ordering: .relaxed) }
        outcomes[part] = outcome
    }

    /// The results in order; a part that was stopped gives way to the one that failed.
    func wait() throws -> [Result] {
        group.wait()
        let ended = Array(outcomes)
        // A helper may hold the job a moment longer; its tensors shall not live on there.
        outcomes.update(repeating: nil)
        body = nil
        let failures = ended.compactMap { outcome -> (any Error)? in
            if case .failure(let error)? = outcome { error } else { nil }
        }
        if let failure = failures.first(where: { !($0 is CancellationError) }) ?? failures.first { throw failure }
        return try ended.map { outcome in
            guard let outcome else { preconditionFailure("a part has not ended") }
            return try outcome.get()
        }
    }
}

/// The helper threads, started when they are first needed and kept.
private final class Pool {
    private var threads: [WorkerThread] = []

    func thread(_ index: Int) -> WorkerThread {
        while threads.count <= index {
            threads.append(WorkerThread())
        }
        return threads[index]
    }
}

/// A thread that runs what it is given, one thing after another.
final class WorkerThread: Sendable {
    private static let mark = "temper.worker"
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let submitted = DispatchSemaphore(value: 0)

    /// Whether the calling thread is one of these, or stands in for the torch thread.
    static var isCurrent: Bool { Thread.current.threadDictionary[mark] != nil }

    /// Runs `body` on the calling thread, which works while the torch thread waits for it: libtorch has threads of its own
    /// for the backward pass on an accelerator.
    static func standingIn<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = Thread.current.threadDictionary[mark]
        Thread.current.threadDictionary[mark] = true
        defer { Thread.current.threadDictionary[mark] = before }
        return try body()
    }

    init() {
        let thread = Thread { [self] in
            Thread.current.threadDictionary[Self.mark] = true
            tt_set_threads(1)
            // Asked once, so that libtorch does not set this thread up by its process-wide number later.
            _ = tt_threads()
            while true {
                submitted.wait()
                let job = jobs.withLock { $0.removeFirst() }
                job()
            }
        }
        // The backward pass of a deep network recurses when it frees its graph.
        thread.stackSize = 64 << 20
        thread.start()
    }

    /// Not inlined: the lock must not be taken by a thread-local that was found before an `await` (see `Locked`).
    @inline(never)
    func submit(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        submitted.signal()
    }
}
