import Foundation
import Testing

@testable import TemperPipeline

/// How much memory a process can still get, out of files laid out as the system has them.
@Suite struct MachineTests {
    private func available(_ files: [String: String]) throws -> Int? {
        let scene = try Scene()
        defer { scene.remove() }
        for (path, text) in files {
            let url = scene.folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: url)
        }
        return Machine.availableMemory(root: scene.folder)
    }

    private let system = ["proc/meminfo": "MemTotal: 900 kB\nMemAvailable:     500 kB\n"]

    @Test func ofTheSystem() throws {
        #expect(try available([:]) == nil)
        #expect(try available(system) == 500 << 10)
        let unlimited = ["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"]
        #expect(try available(system.merging(unlimited) { $1 }) == 500 << 10)
    }

    /// Cached files give way; a group around the process's own may have less left.
    @Test func ofControlGroups() throws {
        let groups = [
            "proc/self/cgroup": "1:name=x:/y\n0::/outer/inner\n",
            "sys/fs/cgroup/outer/inner/memory.max": "300000\n", "sys/fs/cgroup/outer/inner/memory.current": "250000\n",
            "sys/fs/cgroup/outer/inner/memory.stat": "anon 9\ninactive_file 30000\nactive_file 20000\n",
        ]
        #expect(try available(system.merging(groups) { $1 }) == 100_000)
        let outer = ["sys/fs/cgroup/outer/memory.max": "90000", "sys/fs/cgroup/outer/memory.current": "80000"]
        #expect(try available(system.merging(groups) { $1 }.merging(outer) { $1 }) == 10_000)
    }
}
