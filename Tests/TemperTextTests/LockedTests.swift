import Foundation
import TemperText
import Testing

struct LockedTests {
    @Test func oneAtATime() async {
        let count = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<500 {
                        count.withLock { $0 += 1 }
                        await Task.yield()
                    }
                }
            }
        }
        #expect(count.withLock { $0 } == 4000)
        #expect(throws: CancellationError.self) { try count.withLock { _ in throw CancellationError() } }
    }

    /// A `Mutex` that is inlined behind an `await` ends an optimised program; tests are not optimised and cannot see it.
    @Test func noOtherLockIsInlined() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let sources = root.appending(path: "Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var found: [String] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            if text.contains("Mutex(") || text.contains("Mutex<") { found.append(file.lastPathComponent) }
        }
        #expect(found.sorted() == ["Locked.swift", "Workers.swift"])
    }
}
