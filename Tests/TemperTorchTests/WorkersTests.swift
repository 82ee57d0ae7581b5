import Synchronization
import Testing

@testable import TemperTorch

@TorchActor
@Suite(.serialized)
struct WorkersTests {
    private struct Failure: Error, Equatable { var part: Int }

    @Test func groupsAreOfAboutTheSameSize() {
        let before = Torch.threads
        defer { Torch.setThreads(before) }
        Torch.setThreads(3)
        let groups = Workers.balanced([1, 9, 4, 5, 3, 2, 3], on: .cpu) { $0 }
        #expect(groups == [[9], [5, 3, 1], [4, 3, 2]])
        #expect(Workers.balanced([7, 8], on: .cpu) { $0 } == [[8], [7]])
        #expect(Workers.balanced([7, 8], on: .cuda(0)) { $0 } == [[8, 7]])
    }

    @Test func resultsAreInTheOrderOfTheParts() throws {
        for _ in 0..<50 {
            let sums = try Workers.run(4) { part in
                try Tensor.full(Double(part), shape: [100]).sum().item()
            }
            #expect(sums == [0, 100, 200, 300])
        }
    }

    @Test func gradientsOfSharedParametersAreEachPartsOwn() throws {
        let parameter = try Tensor.full(2, shape: [3])
        try parameter.setRequiresGradient(true)
        let gradients = try Workers.run(3) { part in
            try parameter.multiplied(by: parameter).scaled(by: Double(part)).sum().gradients(of: [parameter])[0]
                .floats()
        }
        #expect(gradients == [[0, 0, 0], [4, 4, 4], [8, 8, 8]])
        #expect(try parameter.gradient() == nil)
    }

    /// One part fails; the others, which would go on for ever, are stopped, and its error comes out.
    @Test(arguments: [0, 2]) func aFailureStopsTheOthers(failing: Int) {
        #expect(throws: Failure(part: failing)) {
            try Workers.run(3) { part in
                if part == failing { throw Failure(part: part) }
                while true { try Workers.checkCancellation() }
            }
        }
        // The next job is not stopped.
        #expect(throws: Never.self) { try Workers.run(2) { _ in try Workers.checkCancellation() } }
    }

    @Test func aCancelledTaskStopsAllParts() async {
        let started = Atomic(0)
        let task = Task { @TorchActor in
            try Workers.run(2) { _ in
                started.add(1, ordering: .relaxed)
                while true { try Workers.checkCancellation() }
            }
        }
        Task.detached {
            while started.load(ordering: .relaxed) < 2 { await Task.yield() }
            task.cancel()
        }
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }
}
