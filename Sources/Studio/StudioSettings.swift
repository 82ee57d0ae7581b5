public import Foundation

/// Where the studio listens and which runs it shows.
///
/// It listens on this machine alone; there is no setting that opens it to others.
public struct StudioSettings: Sendable {
    /// The directory that holds the runs.
    public var directory: URL
    /// The port; 0 takes a free one.
    public var port = 8500
    /// What the first address has to carry: 32 random letters and digits, new at each start.
    public var token = StudioSettings.secret()
    /// The most bytes of a request's body.
    public var maximumBody = 1 << 18
    /// How often a run's folder is looked at while somebody watches it.
    public var watchInterval = Duration.milliseconds(250)
    /// How often at most a page's losses are made anew while its run trains.
    public var lossesInterval = Duration.seconds(1)

    /// Settings for the runs in a directory.
    public init(directory: URL) {
        self.directory = directory
    }

    /// Random letters and digits with 160 bits, which nobody can guess.
    static func secret() -> String {
        var generator = SystemRandomNumberGenerator()
        let letters = Array("abcdefghijklmnopqrstuvwxyz234567")
        return String((0..<32).map { _ in letters[Int(generator.next() >> 59)] })
    }
}
