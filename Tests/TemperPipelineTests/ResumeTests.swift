import Foundation
import TemperLedger
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperPipeline

/// Runs that were interrupted, killed or damaged end as if nothing had happened, bit for bit.
@TorchActor
@Suite(.serialized)
struct ResumeTests {
    struct Whole: Sendable {
        var adapter: Data
        var report: RunReport
    }

    /// The run that nothing happened to.
    static let whole = Task {
        let scene = try Scene()
        defer { scene.remove() }
        let report = try await MainJob(try scene.recipe("whole"), sink: Recorder()).run(upTo: .tuning)
        return Whole(adapter: try Self.adapter(scene.directory("whole"), step: 4), report: report)
    }

    nonisolated static func adapter(_ directory: RunDirectory, step: Int) throws -> Data {
        try Data(contentsOf: directory.checkpoints.appending(path: "step-00000\(step)/adapter_model.safetensors"))
    }

    /// Expects that the run goes on to the same end as the undisturbed one.
    private func finish(_ scene: Scene, _ name: String, steps: [String]) async throws -> Recorder {
        let whole = try await Self.whole.value
        let recorder = Recorder()
        let report = try await MainJob(try scene.recipe(name), sink: recorder).run(upTo: .tuning)
        #expect(recorder.steps == steps)
        #expect(try Self.adapter(scene.directory(name), step: 4) == whole.adapter)
        #expect(report.timeless == whole.report.timeless)
        return recorder
    }

    private func interrupt(_ scene: Scene, _ name: String, _ phase: String, after step: Int) async throws {
        let recipe = try scene.recipe(name)
        let task = Task { try await MainJob(recipe, sink: Recorder.cancelling(phase, after: step)).run(upTo: .tuning) }
        do {
            _ = try await task.value
            Issue.record("a cancelled run does not come to its end")
        } catch PipelineError.interrupted(let run) {
            #expect(run.hasSuffix(name))
        }
        let status = try #require(LedgerFile.read(RunStatus.self, from: scene.directory(name).status))
        #expect(status.state == .interrupted && status.error == nil && status.phase == phase)
    }

    @Test func interruptedBetweenCheckpoints() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        try await interrupt(scene, "between", "tune", after: 3)
        #expect(Checkpoint.all(in: scene.directory("between").checkpoints).map(\.step) == [1, 2, 3])
        _ = try await finish(scene, "between", steps: ["tune 4"])
    }

    @Test func interruptedBeforeAnAssessment() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        try await interrupt(scene, "assessing", "tune", after: 2)
        #expect(Checkpoint.all(in: scene.directory("assessing").checkpoints).map(\.step) == [1, 2])
        let recorder = try await finish(scene, "assessing", steps: ["tune 3", "tune 4"])
        #expect(recorder.assessed == ["assess tuned@2", "assess tuned@4"])
    }

    @Test func interruptedWhileAligning() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        try await interrupt(scene, "aligning", "align", after: 1)
        _ = try await finish(scene, "aligning", steps: ["align 2"] + (1...4).map { "tune \($0)" })
    }

    /// What the model before training says of the pairs is asked once, however often the run is taken up.
    @Test func preferencesAreTakenUpWithTheirReference() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let rows = try scene.file(
            "pairs.jsonl",
            (0..<5).map { #"{"prompt":"q\#($0)","chosen":"yes \#($0)","rejected":"no"}"# }.joined(separator: "\n")
        )
        func recipe(_ name: String) throws -> Recipe {
            try scene.recipe(name, "tune.train_data=[\(rows)]", "tune.stage=dpo", "align=null", "defences=[]")
        }
        let whole = Recorder()
        _ = try await MainJob(try recipe("pairs"), sink: whole).run()
        let first = Recorder.cancelling("tune", after: 3)
        let interrupted = try recipe("taken-up")
        let task = Task { try await MainJob(interrupted, sink: first).run() }
        await #expect(throws: PipelineError.self) { try await task.value }
        let second = Recorder()
        _ = try await MainJob(interrupted, sink: second).run()
        #expect(second.steps == ["tune 4"])
        let notes = [whole, first, second].map { $0.events.count { $0.message?.contains("5 pairs") == true } }
        #expect(notes == [1, 1, 0])
        #expect(whole.events.contains { $0.metrics?["rewards/margins"] != nil })
        #expect(
            try Self.adapter(scene.directory("taken-up"), step: 4) == Self.adapter(scene.directory("pairs"), step: 4)
        )
    }

    @Test func killedProcessLeavesHalfFiles() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = scene.directory("killed")
        _ = try await MainJob(try scene.recipe("killed"), sink: Recorder()).run(upTo: .tuning)
        // One assessment lacks the file that is written last, another has half a line at its end.
        try FileManager.default.removeItem(at: directory.assessment(of: "tuned@2").appending(path: "metrics.json"))
        try Self.shorten(directory.assessment(of: "aligned").appending(path: "jailbreak.jsonl"), by: 20)
        let half = directory.checkpoints.appending(path: ".tmp-step-000003")
        try FileManager.default.createDirectory(at: half, withIntermediateDirectories: true)
        try Data("{".utf8).write(to: half.appending(path: "state.json"))
        let events = try FileHandle(forWritingTo: directory.events)
        try events.seekToEnd()
        try events.write(contentsOf: Data("{\"kind\":\"st".utf8))
        try events.close()
        let recorder = try await finish(scene, "killed", steps: [])
        #expect(recorder.assessed == ["assess tuned@2", "assess aligned"])
    }

    @Test(arguments: ["optimizer.safetensors", "adapter_model.safetensors", "state.json"])
    func damagedCheckpointFallsBack(file: String) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        try await interrupt(scene, "damaged", "tune", after: 3)
        let latest = scene.directory("damaged").checkpoints.appending(path: "step-000003")
        try Self.shorten(latest.appending(path: file), by: 60)
        let recorder = try await finish(scene, "damaged", steps: ["tune 3", "tune 4"])
        let notes = recorder.events.filter { $0.kind == .note }.compactMap(\.message)
        #expect(notes.contains { $0.contains("step-000003") && $0.contains("the one before") }, "\(notes)")
    }

    /// Whole assessments need no checkpoint; without one, the message's remedy works.
    @Test func missingCheckpointInTheMiddle() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = scene.directory("missing")
        _ = try await MainJob(try scene.recipe("missing"), sink: Recorder()).run(upTo: .tuning)
        try FileManager.default.removeItem(at: directory.checkpoints.appending(path: "step-000002"))
        _ = try await finish(scene, "missing", steps: [])

        try FileManager.default.removeItem(at: directory.assessment(of: "tuned@2"))
        let error = await #expect(throws: CheckpointError.self) {
            try await MainJob(try scene.recipe("missing"), sink: Recorder()).run(upTo: .tuning)
        }
        #expect(error?.description.contains("step-000002") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("delete the later checkpoints") == true)
        try FileManager.default.removeItem(at: directory.checkpoints.appending(path: "step-000004"))
        let recorder = try await finish(scene, "missing", steps: ["tune 2", "tune 3", "tune 4"])
        #expect(recorder.assessed == ["assess tuned@2"])
    }

    nonisolated static func shorten(_ url: URL, by count: Int) throws {
        try Data(contentsOf: url).dropLast(count).write(to: url)
    }

    // MARK: Checkpoints that cannot be written

    /// Interferes before the checkpoint of step 4 is written, expects a failure that names it and loses nothing, undoes
    /// the interference and lets the run go on.
    private func failWriting(
        _ scene: Scene,
        _ name: String,
        reason: String,
        _ interfere: @escaping @Sendable () -> Void,
        undo: () throws -> Void
    ) async throws {
        let directory = scene.directory(name)
        let recorder = Recorder { event in
            if event.kind == .step, event.phase == "tune", event.done == 4 { interfere() }
        }
        let job = MainJob(
            try scene.recipe(name, "assess.suites=[{name: jailbreak, limit: 1}]", "assess.utility=null"),
            sink: recorder
        )
        var text = ""
        do {
            _ = try await job.run(upTo: .tuning)
        } catch {
            text = "\(error)"
        }
        #expect(text.contains("step-000004") && text.contains(reason), "\(text)")
        try undo()
        #expect(Checkpoint.all(in: directory.checkpoints).map(\.step) == [1, 2])
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.checkpoints.path)
        #expect(!names.contains { $0.hasPrefix(".tmp") }, "\(names)")
        let again = Recorder()
        _ = try await MainJob(
            try scene.recipe(name, "assess.suites=[{name: jailbreak, limit: 1}]", "assess.utility=null"),
            sink: again
        ).run(upTo: .tuning)
        #expect(again.steps == ["tune 3", "tune 4"])
        #expect(try Self.adapter(directory, step: 4) == (await Self.whole.value).adapter)
    }

    @Test func directoryThatCannotBeWritten() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let checkpoints = scene.directory("blocked").checkpoints
        let aside = scene.folder.appending(path: "aside")
        try await failWriting(scene, "blocked", reason: "cannot write") {
            try? FileManager.default.moveItem(at: checkpoints, to: aside)
            try? Data("in the way".utf8).write(to: checkpoints)
        } undo: {
            try FileManager.default.removeItem(at: checkpoints)
            try FileManager.default.moveItem(at: aside, to: checkpoints)
        }
    }

    @Test(.enabled("a small file system can be mounted here") { SmallDisk.isPossible })
    func fullDisk() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let disk = try #require(SmallDisk(at: scene.folder))
        defer { disk.unmount() }
        let filler = scene.folder.appending(path: "filler")
        try await failWriting(scene, "full", reason: "No space left") {
            SmallDisk.fill(filler)
        } undo: {
            try FileManager.default.removeItem(at: filler)
        }
    }
}

/// A file system of 8 MiB in memory.
struct SmallDisk {
    let folder: URL

    init?(at folder: URL) {
        self.folder = folder
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=8m", "none", folder.path) else { return nil }
    }

    func unmount() {
        _ = Self.run("umount", "-l", folder.path)
    }

    /// Writes until nothing more fits.
    static func fill(_ url: URL) {
        guard FileManager.default.createFile(atPath: url.path, contents: nil),
            let handle = try? FileHandle(forWritingTo: url)
        else { return }
        for size in [1 << 16, 1 << 12, 1 << 8, 1] {
            while (try? handle.write(contentsOf: Data(count: size))) != nil {}
        }
        try? handle.close()
    }

    static let isPossible: Bool = {
        guard getuid() == 0, let scene = try? Scene() else { return false }
        defer { scene.remove() }
        guard let disk = SmallDisk(at: scene.folder) else { return false }
        disk.unmount()
        return true
    }()

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
