import Foundation
import TemperLedger
import TemperText
import TemperTune
import Testing

@testable import TemperPipeline

/// The real program: what it says and how it ends when something is in its way.
@Suite(.serialized, .enabled("the program is built") { FileManager.default.isExecutableFile(atPath: Program.url.path) })
struct ProgramTests {
    /// The program, with its data segment limited to about 1 GB, on a batch that needs more.
    @Test func batchThatDoesNotFit() throws {
        let scene = try Scene()
        defer { scene.remove() }
        // Rows that begin alike would be computed once.
        let answer = String(repeating: "b", count: 400)
        let lines = (0..<3000).map {
            #"{"messages": [{"role": "user", "content": "\#($0)"}, {"role": "assistant", "content": "\#(answer)"}]}"#
        }
        let rows = try scene.file("rows.jsonl", lines.joined(separator: "\n"))
        let recipe = try scene.file(
            "big.yaml",
            """
            run_name: big
            output_dir: \(scene.folder.path)
            model_name_or_path: \(Scene.model.path)
            assess: {suites: [{name: jailbreak, limit: 2}], max_new_tokens: 2}
            tune: {train_data: [\(rows)], max_steps: 2, per_device_train_batch_size: 3000, lora_r: 2}
            """
        )
        let result = try Program.run("run", recipe, "--quiet", limit: "ulimit -d 1000000")
        #expect(result.status == 4)
        #expect(result.errors.contains("out of memory") && result.errors.contains("per_device_train_batch_size"))
        let status = try #require(LedgerFile.read(RunStatus.self, from: scene.directory("big").status))
        #expect(status.state == .failed && status.phase == "tune")
    }

    @Test func resultsThatCannotBeWritten() throws {
        let scene = try Scene()
        defer { scene.remove() }
        try LedgerFile.write(
            RunStatus(state: .finished, phase: "report", started: Date()),
            to: scene.directory("one").status
        )
        let list = ["runs", "list", "--directory", scene.folder.path]
        #expect(try Program.run(list[0], list[1], list[2], list[3]).output.contains("one"))
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        let lost = try Program.run(list[0], list[1], list[2], list[3], output: full)
        #expect(lost.status == 4 && lost.errors.contains("No space left"), "\(lost)")
        // A reader that has seen enough is no failure.
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let closed = try Program.run(list[0], list[1], list[2], list[3], output: pipe.fileHandleForWriting)
        #expect(closed.status == 0 && closed.errors.isEmpty, "\(closed)")
    }

    @Test func mistakesEndWithTwo() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let unknown = try Program.run("model", "pull", "nope")
        #expect(unknown.status == 2 && unknown.errors.contains("smollm2-135m-instruct"), "\(unknown)")
        let nowhere = try Program.run("compare", "x", "nowhere")
        #expect(nowhere.status == 2 && nowhere.errors.contains("x: there is no complete assessment"), "\(nowhere)")
        #expect(!nowhere.errors.contains("recipe"))
    }

    /// The message about a report that cannot be read names the file, and its remedy works.
    @Test func damagedReportIsWrittenAgain() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.file("whole.yaml", scene.yaml("whole"))
        // Nobody can grade what this model says, so there is no evidence, and nothing else is wrong.
        let first = try Program.run("align", recipe, "--quiet")
        #expect(first.status == 3 && first.output.contains("adapter of aligned: "), "\(first)")
        let directory = scene.directory("whole")
        let file = directory.report.appending(path: "report.json")
        for damage in ["{", #"{"schema": 99}"#] {
            try Data(damage.utf8).write(to: file)
            let damaged = try Program.run("report", directory.url.path)
            #expect(damaged.status == 4 && damaged.errors.contains(file.path), "\(damaged)")
            #expect(damaged.errors.contains("`temper run \(directory.recipe.path)`"), "\(damaged)")
            #expect(try Program.run("align", directory.recipe.path, "--quiet").status == 3)
            #expect(try Program.run("report", directory.url.path).status == 0)
        }
    }

    // MARK: kill -9

    /// A recipe that writes a checkpoint at every step, so that there is always one to be killed in.
    private func recipe(_ scene: Scene, _ name: String) throws -> String {
        try scene.file(
            "\(name).yaml",
            """
            run_name: \(name)
            output_dir: \(scene.folder.path)
            model_name_or_path: \(Scene.model.path)
            dtype: float32
            threads: 1
            assess: {suites: [{name: jailbreak, limit: 1}], max_new_tokens: 1}
            tune:
              train_data: [{data: embedded:cybersecurity, limit: 6}]
              checkpoint_steps: [\((1...Self.steps).map(String.init).joined(separator: ", "))]
              max_steps: \(Self.steps)
              per_device_train_batch_size: 2
              cutoff_len: 100
              learning_rate: 1e-3
              lora_r: 2
            """
        )
    }

    private static let steps = 32

    private func adapter(_ scene: Scene, _ name: String) throws -> Data {
        let folder = scene.directory(name).checkpoints.appending(path: Checkpoint.name(step: Self.steps))
        return try Data(contentsOf: folder.appending(path: "adapter_model.safetensors"))
    }

    /// Whether a checkpoint is being written, or half of one was left.
    private func isWriting(_ directory: RunDirectory) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.checkpoints.path)) ?? []
        return names.contains { $0.hasPrefix(".tmp-") }
    }

    @Test(.timeLimit(.minutes(3)))
    func killedWhileWritingCheckpoints() throws {
        let scene = try Scene()
        defer { scene.remove() }
        #expect(try Program.run("tune", recipe(scene, "whole"), "--quiet").status == 3)

        let killed = try recipe(scene, "killed")
        let directory = scene.directory("killed")
        var generator = SplitMix64(seed: 7)
        var kills = 0
        for attempt in 0..<4 {
            let before = Checkpoint.all(in: directory.checkpoints).count
            let more = Int.random(in: 1...3, using: &generator)
            let process = Program.process(["tune", killed, "--quiet"])
            try process.run()
            // Some checkpoints later, in the middle of the next one.
            while process.isRunning, Checkpoint.all(in: directory.checkpoints).count < before + more { usleep(500) }
            while process.isRunning, !isWriting(directory) { usleep(100) }
            usleep(UInt32.random(in: 0...6000, using: &generator))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            guard process.terminationReason == .uncaughtSignal else { continue }
            kills += 1
            if attempt == 0 {
                let listed = try Program.run("runs", "list", "--directory", scene.folder.path)
                #expect(listed.output.contains("stopped"), "\(listed)")
            }
        }
        #expect(kills > 1, "the run came to its end before it was killed")
        let last = try Program.run("tune", killed, "--quiet")
        #expect(last.status == 3, "\(last)")
        #expect(try adapter(scene, "killed") == adapter(scene, "whole"))
        #expect(!isWriting(directory))
        #expect(Checkpoint.all(in: directory.checkpoints).map(\.step) == Array(1...Self.steps))
    }
}
