import Foundation

/// A file of a run's recipe that is not there for whoever looks at the run from another folder than it was started in.
///
/// The paths of a recipe start in the folder that `temper run` was called in, which is not part of the run.
struct StartedElsewhere: Error, CustomStringConvertible {
    let path: String
    let folder: String

    var description: String {
        "\(path), which the run's recipe names, is not in \(folder): the paths of a recipe start in the folder that "
            + "`temper run` was called in, so start the studio there"
    }

    /// Checks that the files behind relative paths are there.
    static func check(_ paths: [String]) throws {
        let files = FileManager.default
        guard let lost = paths.first(where: { !$0.hasPrefix("/") && !files.fileExists(atPath: $0) }) else { return }
        throw StartedElsewhere(path: lost, folder: files.currentDirectoryPath)
    }
}

extension Recipe.Assess {
    /// The files that suites are read from.
    var files: [String] { (suites + [utility].compactMap { $0 }).compactMap(\.file) }
}
