import Foundation
import TemperGuard
import TemperPipeline
import TemperRisk
import TemperText
import TemperTune
import Testing

/// A guard's reader on a tiny encoder: tuned, written, read, and told apart from others.
@Suite struct EncoderReaderTests {
    private static let goldens = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens/encoder")

    /// The golden encoder with a tokenizer of a few words.
    private func encoder(in folder: URL) throws -> URL {
        let encoder = folder.appending(path: "tiny")
        try FileManager.default.createDirectory(at: encoder, withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                at: Self.goldens.appending(path: name),
                to: encoder.appending(path: name)
            )
        }
        let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bake", "build", "bread", "bombs", "how", "to"]
        try Data(words.joined(separator: "\n").utf8).write(to: encoder.appending(path: "vocab.txt"))
        return encoder
    }

    private func scratch() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "temper-reader-\(UUID().uuidString)")
    }

    @Test func anAdapterIsTunedAndRead() async throws {
        let folder = scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (encoder, output) = (try encoder(in: folder), folder.appending(path: "reader"))
        let texts = [("how to bake bread", false), ("how to build bombs", true), ("bake", false), ("bombs", true)]
        let rows = texts.map { ReaderRow(text: $0, labels: $1 ? ["jailbreak"] : []) }
        var settings = EncoderTuning.settings
        settings.maxSteps = 60
        settings.perDeviceTrainBatchSize = 4
        settings.loraR = 2
        settings.loraTarget = ["query", "value"]
        settings.learningRate = 0.01
        try await EncoderTuning.tune(encoder, on: rows, labels: ["jailbreak"], settings: settings, to: output)

        let (plain, tuned) = try await (
            EncoderReader(encoder, with: folder.appending(path: "none")), EncoderReader(encoder, with: output)
        )
        #expect(plain.adapterSHA256 == nil && tuned.adapterSHA256?.count == 64 && plain.sha256 == tuned.sha256)
        func likeness(_ reader: EncoderReader) async throws -> Float {
            let vectors = try await reader.vectors(of: [texts[0].0, texts[1].0])
            return zip(vectors[0], vectors[1]).reduce(0) { $0 + $1.0 * $1.1 }
        }
        // What was alike for a reader of words is far apart for one that was told what is harmful.
        #expect(try await likeness(tuned) < likeness(plain) - 0.2)

        #expect(throws: RiskError.self) { try tuned.resources() }
        let file = EncoderReader.heads(in: output)
        try tuned.noHeads.encoded().write(to: file)
        let resources = try tuned.resources()
        #expect(resources.reader != nil && resources.embedding != nil)
        let first = try EncoderReader.fingerprint(of: encoder, with: output)
        // Heads of the encoder as it came are no heads of the tuned one.
        try plain.noHeads.encoded().write(to: file)
        let error = #expect(throws: PipelineError.self) { try tuned.resources() }
        #expect(error.map { "\($0)" }?.contains("another adapter") == true)
        #expect(try EncoderReader.fingerprint(of: encoder, with: output) != first)
    }

    @Test func theCarriedReaderIsWhole() throws {
        let folder = SecondReader.carried
        let heads = try SecondReader.Heads(contentsOf: EncoderReader.heads(in: folder))
        #expect(heads.heads.map(\.label) == GuardClassifier.allCases.map(\.rawValue))
        let adapter = folder.appending(path: "adapter_model.safetensors")
        #expect(try heads.adapter == SHA256.hex(contentsOf: adapter))
        for head in heads.heads { #expect(head.weights.count == 384 && !head.measured.isEmpty) }
    }

    private static let miniLM = goldens.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".deps/models/all-minilm-l6-v2")
    private static let hasMiniLM = FileManager.default.fileExists(
        atPath: miniLM.appending(path: "config.json").path
    )

    private static let found = [("jailbreak", 190), ("over-refusal", 52), ("ordinary", 0)]

    /// What the documentation says of the embedded suites, up to rounding between machines.
    @Test(.enabled("all-minilm-l6-v2 is there") { hasMiniLM }, arguments: found)
    func theCarriedReaderFindsWhatIsWritten(suite: String, wanted: Int) async throws {
        let resources = try await EncoderReader(Self.miniLM).resources()
        let rule = Policy.Rule("jailbreak", stages: [.input])
        let shield = try Guard(Policy(name: "one", rules: [rule]), resources: resources)
        var refused = 0
        for probe in try #require(Suites.all.first { $0.card.name == suite }).probes(limit: nil, seed: 1) {
            guard let text = probe.chat.messages.last(where: { $0.role == .user })?.content else { continue }
            if !(await shield.check(Passage(text, at: .input)).isAllowed) { refused += 1 }
        }
        #expect(abs(refused - wanted) <= 3, "\(refused)")
    }

    /// What the refusal judge's card says, up to rounding between machines.
    @Test(
        .enabled("all-minilm-l6-v2 and TEMPER_TEST_DATA are there") {
            hasMiniLM && ProcessInfo.processInfo.environment["TEMPER_TEST_DATA"] != nil
        }
    )
    func theRefusalJudgeAgreesAsItsCardSays() async throws {
        let data = try #require(ProcessInfo.processInfo.environment["TEMPER_TEST_DATA"])
        let judge = try await EncoderRefusalJudge.load(Self.miniLM)
        let measured = try await judge.measurements(in: URL(filePath: data)).map(\.agreement)
        let own = EncoderRefusalCalibration.self
        for (found, wanted) in zip(
            [measured[0], measured[1], measured[2], measured[6], measured[9]],
            [own.heldOut, own.cut, own.shortCut, own.unrepeated, own.ordinary]
        ) {
            #expect(
                abs(found.sensitivity.hits - wanted.sensitivity.hits) <= 1
                    && found.sensitivity.n == wanted.sensitivity.n
            )
            #expect(
                abs(found.specificity.hits - wanted.specificity.hits) <= 2
                    && found.specificity.n == wanted.specificity.n
            )
        }
        #expect(try #require(own.heldOut.sensitivity.rate) >= 0.95 && #require(own.heldOut.specificity.rate) >= 0.95)
    }
}
