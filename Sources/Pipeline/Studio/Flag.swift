import TemperText

/// Something that happened once, known on every thread.
final class Flag: Sendable {
    private let state = Locked(false)

    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}
