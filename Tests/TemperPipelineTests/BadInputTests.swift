import Foundation
import TemperLedger
import TemperTorch
import Testing

@testable import TemperPipeline

/// What a user can get wrong ends in one error that names the file, line or key, before anything is written over.
@TorchActor
@Suite(.serialized)
struct BadInputTests {
    /// The message of the error that the run ends with.
    private func message(_ scene: Scene, _ overrides: String..., upTo chapter: MainJob.Chapter = .end) async -> String {
        do {
            let recipe = try Recipe.parse(scene.yaml("bad"), file: "bad.yaml", overrides: overrides)
            _ = try await MainJob(recipe, sink: Recorder()).run(upTo: chapter)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    private func expect(_ text: String, _ parts: String..., at location: SourceLocation = #_sourceLocation) {
        for part in parts {
            #expect(text.contains(part), "\"\(text)\" lacks \"\(part)\"", sourceLocation: location)
        }
    }

    @Test func modelFiles() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        expect(
            await message(scene, "model_name_or_path=/nowhere/m.gguf"),
            "no model at /nowhere/m.gguf",
            "temper model pull"
        )

        let whole = try Data(contentsOf: Scene.model)
        for share in [0.0, 0.001, 0.3, 0.9, 0.999] {
            let path = try scene.file("cut.gguf", whole.prefix(Int(Double(whole.count) * share)))
            expect(await message(scene, "model_name_or_path=\(path)"), path)
        }

        let untied = Scene.root.appending(path: "Tests/Goldens/model/tiny-llama-untied")
        let folder = scene.folder.appending(path: "lying")
        try FileManager.default.copyItem(at: untied, to: folder)
        let weights = folder.appending(path: "model.safetensors")
        let bytes = try Data(contentsOf: weights)
        let size = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        // The header promises twice the rows, ten times the bytes, or is longer than the file.
        let header = String(decoding: bytes.dropFirst(8).prefix(size), as: UTF8.self)
        let shape = try #require(header.firstRange(of: "\"shape\":["))
        let doubled = header.replacingCharacters(in: shape, with: "\"shape\":[2,")
        let offset = try #require(header.firstRange(of: "\"data_offsets\":["))
        let moved = header.replacingCharacters(in: offset, with: "\"data_offsets\":[9")
        for lie in [doubled, moved] {
            var changed = withUnsafeBytes(of: UInt64(lie.utf8.count).littleEndian) { Data($0) }
            changed += Data(lie.utf8) + bytes.dropFirst(8 + size)
            try changed.write(to: weights)
            expect(
                await message(scene, "model_name_or_path=\(folder.path)"),
                "model.safetensors",
                "is not a valid weight file"
            )
        }
        try (withUnsafeBytes(of: UInt64.max / 2) { Data($0) } + bytes.dropFirst(8)).write(to: weights)
        expect(await message(scene, "model_name_or_path=\(folder.path)"), "model.safetensors")
        try FileManager.default.removeItem(at: weights)
        expect(await message(scene, "model_name_or_path=\(folder.path)"), folder.path, "neither model.safetensors nor")
        // A directory without a tokenizer can be trained on token ids, but not asked.
        try bytes.write(to: weights)
        expect(await message(scene, "model_name_or_path=\(folder.path)"), folder.path, "no usable tokenizer")
    }

    @Test func recipes() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        expect(await message(scene, "tune.lora_rnak=4"), "tune.lora_rnak", "did you mean `lora_r`")
        expect(await message(scene, "tune.learning_rate=fast"), "tune.learning_rate", "fast")
        expect(await message(scene, "assess.suites=[jailbrake]"), "jailbrake", "jailbreak")
        expect(
            await message(scene, "defences=[{method: interpolate}]"),
            "`defences.0.method`: found \"interpolate\"",
            "interpolation"
        )
        expect(
            await message(scene, "defences=[{method: interpolation, scael: 1}]"),
            "`defences.0.scael`",
            "scale"
        )
        expect(
            await message(scene, "defences=[{method: safety-mix, fraction: 7}]"),
            "`defences.0.fraction`: found 7",
            "0.01 to 0.9"
        )
        expect(
            await message(scene, "tune.train_data=[embedded:poetry]"),
            "found embedded:poetry",
            "cybersecurity",
            "refusals"
        )
        // All of it is found before the first step: no run was begun.
        #expect(Checkpoint.none(in: scene.directory("bad")))
    }

    /// What the model lacks is found as early as a mistyped key, named by its key, and leaves no folder.
    @Test func layers() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        for section in ["tune", "align"] {
            expect(
                await message(scene, "\(section).lora_target=[q_proj, q_prj]"),
                "recipe: \(section).lora_target: ",
                "no module named q_prj",
                "q_proj, k_proj"
            )
        }
        expect(await message(scene, "tune.lora_target=5"), "tune.lora_target", "no module named 5")
        expect(await message(scene, "tune.lora_target=[[q_proj]]"), "`tune.lora_target.0`: found a list")
        expect(await message(scene, "tune.lora_target=null"), "`tune.lora_target`")
        expect(
            await message(
                scene,
                "tune.lora_target=[layers.0.self_attn.q_proj]",
                "defences=[{method: interpolation}, {method: frozen-layers, from: 0, to: 0.5}]"
            ),
            "recipe: defences.1: ",
            "to lora_target"
        )
        #expect(!FileManager.default.fileExists(atPath: scene.directory("bad").url.path))
    }

    @Test func data() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let good = #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#
        let broken = try scene.file("broken.jsonl", "\(good)\n\(good)\n{\"messages\": [{\"role\": \"us\n\(good)\n")
        expect(await message(scene, "tune.train_data=[\(broken)]"), "broken.jsonl:3", "not valid JSON")
        let empty = try scene.file("empty.jsonl", "\n\n")
        expect(await message(scene, "tune.train_data=[\(empty)]"), "empty.jsonl", "holds no example")
        expect(await message(scene, "tune.train_data=[/nowhere/rows.jsonl]"), "/nowhere/rows.jsonl")
        let strange = try scene.file("strange.jsonl", "{\"foo\": 1}\n")
        expect(await message(scene, "tune.train_data=[\(strange)]"), "strange.jsonl:1", "foo", "known formats")
        // Nothing but prompts within the cut: there is nothing to learn, and the message says so.
        expect(
            await message(scene, "tune.cutoff_len=8", "align=null", "defences=null", upTo: .tuning),
            "nothing to train on",
            "first 8 tokens"
        )
    }

    @Test func mistakesLeaveAFinishedRunAlone() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        expect(await message(scene, "defences=null", upTo: .alignment), "no error")
        let directory = scene.directory("bad")
        let before = LedgerFile.read(RunStatus.self, from: directory.status)
        #expect(before?.state == .finished)
        _ = await message(scene, "assess.suites=[jailbrake]")
        _ = await message(scene, "model_name_or_path=/nowhere/m.gguf")
        #expect(LedgerFile.read(RunStatus.self, from: directory.status) == before)
    }

    @Test func promptsBeyondTheContext() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        expect(
            await message(scene, "assess.max_new_tokens=5000", "align=null", upTo: .alignment),
            "context of 512",
            "max_new_tokens"
        )
        let status = try #require(LedgerFile.read(RunStatus.self, from: scene.directory("bad").status))
        #expect(
            status.state == .failed && status.error?.contains("context of 512") == true && status.phase == "assess raw"
        )
        // Nothing was made under this name yet: it is still free for what was meant.
        expect(await message(scene, "align=null", upTo: .alignment), "no error")
        // Rows longer than the model's context are cut to it.
        let row =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\#(String(repeating: "b", count: 900))"}]}"#
        let long = try scene.file("long.jsonl", row + "\n")
        let text = await message(
            scene,
            "run_name=long",
            "tune.train_data=[\(long)]",
            "tune.cutoff_len=2000",
            "tune.max_steps=1",
            "align=null",
            "defences=null",
            upTo: .tuning
        )
        expect(text, "no error")
    }

    @Test func outputThatIsAFile() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let path = try scene.file("taken", "a file")
        expect(await message(scene, "output_dir=\(path)"), "cannot write", "taken")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "a file")
    }

    @Test func requestsBeyondAllMemory() throws {
        do {
            _ = try Tensor.zeros([1 << 22, 1 << 22])
            Issue.record("64 TiB cannot be had")
        } catch {
            #expect(error.kind == .outOfMemory)
            expect("\(error)", "out of memory", "per_device_train_batch_size")
        }
    }
}

/// What a run leaves behind.
private enum Checkpoint {
    static func none(in directory: RunDirectory) -> Bool {
        let files = (try? FileManager.default.subpathsOfDirectory(atPath: directory.url.path)) ?? []
        return !files.contains { $0.hasSuffix(".safetensors") || $0.hasSuffix("metrics.json") }
    }
}
