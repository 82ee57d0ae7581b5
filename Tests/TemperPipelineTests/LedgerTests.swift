import Foundation
import TemperLedger
import Testing

/// The files of a run under a killed process and on a full disk.
@Suite(.serialized) struct LedgerTests {
    @Test func statusOfAKilledRun() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = scene.directory("run")
        let status = RunStatus(state: .running, phase: "tune", started: Date())
        try LedgerFile.write(status, to: directory.status)
        do {
            let lock = try #require(try RunLock(directory))
            #expect(directory.currentStatus()?.state == .running)
            withExtendedLifetime(lock) {}
        }
        #expect(directory.currentStatus()?.state == .stopped)
        // Looking does not take the lock away.
        #expect(try RunLock(directory) != nil)
        #expect(LedgerFile.read(RunStatus.self, from: directory.status)?.state == .running)
    }

    @Test(.enabled("a small file system can be mounted here") { SmallDisk.isPossible })
    func lineThatWasCutByAFullDisk() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let disk = try #require(SmallDisk(at: scene.folder))
        defer { disk.unmount() }
        let file = scene.folder.appending(path: "events.jsonl")
        let log = try EventLog(file)
        log.emit(RunEvent(.note, phase: "first"))
        let filler = scene.folder.appending(path: "filler")
        SmallDisk.fill(filler)
        // The last page of the file still takes some lines, and then a part of one.
        for _ in 0..<100 { log.emit(RunEvent(.note, phase: "lost")) }
        #expect(try Data(contentsOf: file).last != 0x0A)
        try FileManager.default.removeItem(at: filler)
        log.emit(RunEvent(.note, phase: "second"))
        log.emit(RunEvent(.note, phase: "third"))
        let phases = LedgerFile.readLines(RunEvent.self, from: file).map(\.phase)
        #expect(phases.first == "first" && Array(phases.suffix(2)) == ["second", "third"])
    }
}
