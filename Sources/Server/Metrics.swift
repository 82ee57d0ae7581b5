import TemperText

/// Counts what the server does, in Prometheus' text format (version 0.0.4).
///
/// Knows nothing about requests or texts.
final class Metrics: Sendable {
    private struct Histogram {
        var counts: [Int]
        var sum = 0.0
        var count = 0
    }

    private struct State {
        /// By name, then by labels as they are written.
        var counters: [String: [String: Int]] = [:]
        var histograms: [String: [String: Histogram]] = [:]
        var inFlight = 0
    }

    private static let help = [
        "temper_requests_total": "Requests by path and status.",
        "temper_decisions_total": "Texts checked, by stage and action.",
        "temper_rail_findings_total": "Texts in which a rail found something, by rail and action.",
        "temper_rail_failures_total": "Texts that a rail could not check.",
        "temper_rail_milliseconds": "Time that a rail took for a text or a window.",
        "temper_request_milliseconds": "Time until a request was answered whole.",
        "temper_upstream_failures_total": "Upstream answers that could not be used, by reason.",
        "temper_policy_reloads_total": "Readings of the policy file after the start, by outcome.",
    ]
    private static let bounds: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]

    private let state = Locked(State())

    func count(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) {
        let key = Self.written(labels)
        state.withLock { $0.counters[name, default: [:]][key, default: 0] += 1 }
    }

    func observe(_ name: String, _ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
        let key = Self.written(labels)
        let empty = Histogram(counts: Array(repeating: 0, count: Self.bounds.count))
        state.withLock { state in
            var histogram = state.histograms[name]?[key] ?? empty
            for (index, bound) in Self.bounds.enumerated() where value <= bound { histogram.counts[index] += 1 }
            histogram.sum += value
            histogram.count += 1
            state.histograms[name, default: [:]][key] = histogram
        }
    }

    /// Counts a request as worked on, unless there are `limit` already.
    func enter(limit: Int) -> Bool {
        state.withLock { state in
            guard state.inFlight < limit else { return false }
            state.inFlight += 1
            return true
        }
    }

    func leave() { state.withLock { $0.inFlight -= 1 } }

    var inFlight: Int { state.withLock { $0.inFlight } }

    /// The page.
    var text: String {
        let state = state.withLock { $0 }
        var lines = [
            "# HELP temper_requests_in_flight Requests that are worked on.", "# TYPE temper_requests_in_flight gauge",
            "temper_requests_in_flight \(state.inFlight)",
        ]
        for (name, values) in state.counters.sorted(by: { $0.key < $1.key }) {
            lines += ["# HELP \(name) \(Self.help[name] ?? "")", "# TYPE \(name) counter"]
            for (labels, value) in values.sorted(by: { $0.key < $1.key }) {
                lines.append(labels.isEmpty ? "\(name) \(value)" : "\(name){\(labels)} \(value)")
            }
        }
        for (name, values) in state.histograms.sorted(by: { $0.key < $1.key }) {
            lines += ["# HELP \(name) \(Self.help[name] ?? "")", "# TYPE \(name) histogram"]
            for (labels, histogram) in values.sorted(by: { $0.key < $1.key }) {
                let prefix = labels.isEmpty ? "" : labels + ","
                for (bound, count) in zip(Self.bounds, histogram.counts) {
                    lines.append("\(name)_bucket{\(prefix)le=\"\(Int(bound))\"} \(count)")
                }
                lines.append("\(name)_bucket{\(prefix)le=\"+Inf\"} \(histogram.count)")
                let suffix = labels.isEmpty ? "" : "{\(labels)}"
                lines.append("\(name)_sum\(suffix) \(histogram.sum)")
                lines.append("\(name)_count\(suffix) \(histogram.count)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func written(_ labels: KeyValuePairs<String, String>) -> String {
        labels.map { label in
            let value = label.value.flatMap { character -> String in
                switch character {
                case "\\": #"\\"#
                case "\"": #"\""#
                case "\n": #"\n"#
                default: String(character)
                }
            }
            return "\(label.key)=\"\(String(value))\""
        }.joined(separator: ",")
    }
}

/// Raised once.
final class Flag: Sendable {
    private let isRaised = Locked(false)

    /// Whether this call raised it.
    func raise() -> Bool {
        isRaised.withLock { isRaised in
            defer { isRaised = true }
            return !isRaised
        }
    }
}
