import Foundation

/// Training data for a domain, embedded, in our own words.
public enum DomainPack: String, CaseIterable, Sendable {
    /// Which attack technique a log line or a report sentence shows, why, and what to do; its held-out test is the
    /// suite of the same name.
    case cybersecurity

    /// Loads the training rows.
    public func load() throws -> Dataset {
        let name = "\(rawValue).jsonl"
        let url = Bundle.module.bundleURL.appendingPathComponent("Resources/\(name)")
        return try Dataset.parse(try Data(contentsOf: url), file: name, name: "embedded:\(rawValue)")
    }
}
