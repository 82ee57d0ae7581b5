import Foundation
import TemperTorch
import Testing

/// The actor that owns libtorch: one thread, one job at a time, gradient mode restored.
@Suite(.serialized)
struct TorchActorTests {
    /// Counts jobs and notices two at once; a nap makes an overlap likely.
    @TorchActor
    private final class Gauge {
        private var running = 0
        private(set) var overlaps = 0
        private(set) var jobs = 0

        nonisolated init() {}

        func work() {
            running += 1
            if running > 1 { overlaps += 1 }
            Thread.sleep(forTimeInterval: 0.001)
            jobs += 1
            running -= 1
        }
    }

    private struct Place: Hashable, Sendable {
        var thread: ObjectIdentifier
        var isMain: Bool
    }

    @TorchActor
    private func place() -> Place {
        Place(thread: ObjectIdentifier(Thread.current), isMain: Thread.isMainThread)
    }

    @Test func workRunsOnOneThreadOfItsOwn() async throws {
        var places: Set<Place> = []
        for _ in 0..<20 {
            places.insert(await place())
            await Task.yield()
            try await Task.sleep(for: .microseconds(200))
            places.insert(await TorchActor.run { place() })
        }
        let all = await withTaskGroup(of: Place.self) { group in
            for _ in 0..<50 { group.addTask { await place() } }
            return await group.reduce(into: places) { $0.insert($1) }
        }
        #expect(all.count == 1)
        #expect(all.first?.isMain == false)
    }

    @Test func callersTakeTurns() async throws {
        let gauge = Gauge()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { await gauge.work() } }
        }
        #expect(await gauge.jobs == 100)
        #expect(await gauge.overlaps == 0)
    }

    @Test func concurrentTensorsDoNotDisturbEachOther() async throws {
        let norms = try await withThrowingTaskGroup(of: Double.self) { group in
            for seed in 0..<16 {
                group.addTask {
                    try await TorchActor.run {
                        let x = try Tensor.uniform(0, 1, shape: [32, 32], seed: UInt64(seed % 2))
                        return try x.matmul(x).norm()
                    }
                }
            }
            return try await group.reduce(into: Set<Double>()) { $0.insert($1) }
        }
        #expect(norms.count == 2)
    }

    @Test func errorsCrossTheActor() async throws {
        await #expect(throws: TorchError.self) {
            try await TorchActor.run { try Tensor.zeros([2]).reshaped([3]).item() }
        }
        #expect(try await TorchActor.run { try Tensor.full(2, shape: []).item() } == 2)
    }

    // MARK: Gradient mode

    private struct Stop: Error {}

    @TorchActor
    private func records() throws -> Bool {
        let x = try Tensor.zeros([1])
        try x.setRequiresGradient(true)
        return try x.scaled(by: 2).requiresGradient
    }

    @TorchActor
    @Test func withoutGradientsRestoresTheMode() throws {
        #expect(try records())
        #expect(try !withoutGradients { try records() })
        #expect(try records())
        #expect(throws: Stop.self) { try withoutGradients { throw Stop() } }
        #expect(try records())
        #expect(throws: TorchError.self) { try withoutGradients { try Tensor.zeros([2]).reshaped([3]) } }
        #expect(try records())
        try withoutGradients { () throws in
            #expect(throws: Stop.self) { try withoutGradients { throw Stop() } }
            #expect(try !records())
        }
        #expect(try records())
    }

    @TorchActor
    @Test func threadsCanBeSet() {
        let before = Torch.threads
        defer { Torch.setThreads(before) }
        Torch.setThreads(1)
        #expect(Torch.threads == 1)
        // Zero threads could do nothing.
        Torch.setThreads(0)
        #expect(Torch.threads == 1)
    }

    @Test func factsAreThere() {
        #expect(Torch.version.hasPrefix("2."))
        #expect(!Torch.cpuCapability.isEmpty)
        #expect(Device.cpu.preferredFloat == (Torch.cpuHasBFloat16 ? .bfloat16 : .float32))
        #expect(Device.best == (Torch.acceleratorCount > 0 ? .cuda(0) : .cpu))
        #expect("\(Device.cuda(1))" == "cuda:1")
    }
}
