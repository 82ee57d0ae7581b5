import Foundation
import TemperTorch
import Testing

/// A computation that is done twice: same values, same gradients, and its errors come back as errors.
@TorchActor
@Suite(.serialized)
struct RecomputationTests {
    private func leaves() throws -> (x: Tensor, a: Tensor) {
        let x = try Tensor.uniform(-1, 1, shape: [3, 4], seed: 1)
        let a = try Tensor.uniform(-1, 1, shape: [4, 5], seed: 2)
        try x.setRequiresGradient(true)
        try a.setRequiresGradient(true)
        return (x, a)
    }

    @Test func valuesAndGradients() throws {
        let before = Torch.liveHandles
        try {
            let (x, a) = try leaves()
            var runs = 0
            func body(_ x: Tensor) throws(TorchError) -> Tensor {
                runs += 1
                return try x.matmul(a).silu().multiplied(by: x.matmul(a))
            }
            let plain = try body(x)
            let expected = try plain.exponential().sum().gradients(of: [x, a])
            runs = 0
            let y = try Layers.recomputed(x, parameters: [a], body)
            #expect(runs == 1)
            #expect(try y.floats() == plain.floats())
            let found = try y.exponential().sum().gradients(of: [x, a])
            #expect(runs == 2)
            for (one, other) in zip(found, expected) { #expect(try one.floats() == other.floats()) }
            // Without anything to train, or without recording, it runs once.
            let frozen = try Layers.recomputed(x.detached(), parameters: [], { x throws(TorchError) in try x.silu() })
            #expect(!frozen.requiresGradient)
            #expect(try !withoutGradients { try Layers.recomputed(x, parameters: [a], body) }.requiresGradient)
        }()
        #expect(Torch.liveHandles <= before)
    }

    /// As on an accelerator, where the backward pass runs on a thread of libtorch's own while the torch thread waits.
    @Test func backwardOnAnotherThread() throws {
        let (x, a) = try leaves()
        var threads: [ObjectIdentifier] = []
        func body(_ x: Tensor) throws(TorchError) -> Tensor {
            TorchActor.preconditionIsolated()
            threads.append(ObjectIdentifier(Thread.current))
            return try x.matmul(a).silu()
        }
        let loss = try Layers.recomputed(x, parameters: [a], body).exponential().sum()
        let expected = try body(x).exponential().sum().gradients(of: [x, a]).map { try $0.floats() }
        struct Sent: @unchecked Sendable {
            let work: () -> Void
        }
        var gradients: [Tensor] = []
        let ended = DispatchSemaphore(value: 0)
        let sent = Sent { gradients = (try? loss.gradients(of: [x, a])) ?? [] }
        Thread {
            sent.work()
            ended.signal()
        }.start()
        ended.wait()
        #expect(try gradients.map { try $0.floats() } == expected)
        #expect(Set(threads).count == 2)
    }

    @Test func errorsComeBackFromBothPasses() throws {
        let (x, a) = try leaves()
        var fails = true
        func body(_ x: Tensor) throws(TorchError) -> Tensor { try x.matmul(fails ? x : a) }
        do {
            _ = try Layers.recomputed(x, parameters: [a], body)
            Issue.record("shapes that do not fit must be an error")
        } catch {
            #expect(error.kind == .invalid && error.message.contains("shapes"), "\(error)")
        }
        fails = false
        let y = try Layers.recomputed(x, parameters: [a], body).sum()
        fails = true
        do {
            _ = try y.gradients(of: [x, a])
            Issue.record("shapes that do not fit must be an error")
        } catch {
            #expect(error.kind == .invalid && error.message.contains("shapes"), "\(error)")
        }
    }
}
