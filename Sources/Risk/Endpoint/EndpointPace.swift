/// Decides when the next request to an endpoint may start, and when it must not.
///
/// Knows nothing about HTTP. It keeps the number in flight, the starts of the last minute, the pauses that the endpoint
/// asks for, and what was spent; what is in flight counts as spent with the most it can come to, so that no ceiling is
/// passed by requests that were on their way.
actor EndpointPace {
    /// Tokens read and written.
    struct Usage: Sendable {
        var input: Int
        var output: Int
    }

    enum Admission: Sendable {
        case now
        case wait(Duration)
        case never(reason: String)
    }

    private let settings: EndpointSettings
    private let clock = ContinuousClock()
    private var inFlight = 0
    private var reserved = Usage(input: 0, output: 0)
    private(set) var spent = Usage(input: 0, output: 0)
    private var starts: [ContinuousClock.Instant] = []
    private var pausedUntil: ContinuousClock.Instant?
    private(set) var answered = 0
    private(set) var failed = 0

    init(_ settings: EndpointSettings) {
        self.settings = settings
    }

    /// Waits until a request that comes to at most `estimate` may start, and counts it as started.
    func enter(_ estimate: Usage) async throws {
        while true {
            try Task.checkCancellation()
            switch admit(estimate) {
            case .now: return
            case .wait(let duration): try await Task.sleep(for: min(duration, .milliseconds(250)))
            case .never(let reason): throw EndpointError.ceiling(endpoint: settings.shownAddress, reason: reason)
            }
        }
    }

    private func admit(_ estimate: Usage) -> Admission {
        if let reason = excess(estimate) { return inFlight > 0 ? .wait(.milliseconds(20)) : .never(reason: reason) }
        if inFlight >= settings.concurrency { return .wait(.milliseconds(10)) }
        let now = clock.now
        if let pausedUntil, pausedUntil > now { return .wait(pausedUntil - now) }
        if let limit = settings.requestsPerMinute {
            starts.removeAll { $0 <= now - .seconds(60) }
            if starts.count >= limit { return .wait(starts[starts.count - limit] + .seconds(60) - now) }
            starts.append(now)
        }
        inFlight += 1
        reserved.input += estimate.input
        reserved.output += estimate.output
        return .now
    }

    /// Why a request does not fit under the ceilings any more.
    private func excess(_ estimate: Usage) -> String? {
        let input = spent.input + reserved.input + estimate.input
        let output = spent.output + reserved.output + estimate.output
        if let most = settings.maximumTokens, input + output > most {
            return
                "\(spent.input + spent.output) tokens were used, and the next request could pass the ceiling of \(most)"
        }
        if let most = settings.maximumCost, let cost = settings.cost(input: input, output: output), cost > most {
            let used = settings.cost(input: spent.input, output: spent.output) ?? 0
            return "\(used) was spent, and the next request could pass the ceiling of \(most)"
        }
        return nil
    }

    /// A request has ended; `actual` is what it cost, nil where nothing came back that could have.
    func leave(_ estimate: Usage, actual: Usage?) {
        inFlight -= 1
        reserved.input -= estimate.input
        reserved.output -= estimate.output
        spent.input += actual?.input ?? 0
        spent.output += actual?.output ?? 0
    }

    /// Nothing starts for a while.
    func pause(for duration: Duration) {
        pausedUntil = max(pausedUntil ?? clock.now, clock.now + duration)
    }

    func succeeded() { answered += 1 }

    /// A question has failed for good; gives the endpoint up where many have, and none was answered.
    func failed(_ reason: String) throws {
        failed += 1
        try giveUp(after: 20, reason: reason)
    }

    func giveUp(after count: Int, reason: String) throws {
        guard failed >= count, answered == 0 else { return }
        throw EndpointError.unusable(
            endpoint: settings.shownAddress,
            reason: "\(failed) of \(failed) requests failed for good, the last because \(reason)"
        )
    }
}
