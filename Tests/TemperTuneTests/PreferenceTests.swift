import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperWeights
import Testing

@testable import TemperTune

/// Preferences: how rows are read, and the objective against `peft` and torch; see Tests/Goldens/model/generate.py.
@TorchActor
@Suite(.serialized)
struct PreferenceTests {
    // MARK: Reading

    private func read(_ text: String) throws -> Dataset {
        try Dataset.parse(Data(text.utf8), file: "data.jsonl", name: "data")
    }

    /// The two conversations of a row, as texts, and the turns that count.
    private func pair(_ row: String) throws -> (chosen: [String], rejected: [String], trained: [Int]) {
        let data = try read(row)
        let example = data.examples[0]
        #expect(data.files[0].format == .preference)
        let rejected = try #require(example.rejected)
        let trained = example.chat.messages.indices.filter { example.isTrained($0, of: example.chat) }
        return (example.chat.messages.map(\.content), rejected.messages.map(\.content), trained)
    }

    @Test(arguments: [
        #"{"prompt":"q","chosen":"a","rejected":"b"}"#,
        #"{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}"#,
        #"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
        #"{"prompt":"q","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}"#,
        #"{"conversations":[{"from":"human","value":"q"}],"chosen":{"from":"gpt","value":"a"},"rejected":{"from":"gpt","value":"b"}}"#,
        #"{"instruction":"q","input":"","chosen":"a","rejected":"b"}"#,
        #"{"chosen":"\n\nHuman: q\n\nAssistant: a","rejected":"\n\nHuman: q\n\nAssistant: b"}"#,
    ]) func everyFormatIsTheSamePair(_ row: String) throws {
        let (chosen, rejected, trained) = try pair(row)
        #expect(chosen == ["q", "a"] && rejected == ["q", "b"] && trained == [1])
    }

    @Test func onlyWhatComesAfterTheCommonBeginningCounts() throws {
        let (chosen, rejected, trained) = try pair(
            #"""
            {"system":"s","instruction":"i","input":"x","history":[["q","a"]],"chosen":"c","rejected":"r"}
            """#
        )
        #expect(chosen == ["s", "q", "a", "i\nx", "c"] && rejected.last == "r" && trained == [4])
        let (longer, other, both) = try pair(
            #"""
            {"chosen":"Human: q\n\nAssistant: a\n\nHuman: more\n\nAssistant: c","rejected":"Human: q\n\nAssistant: b"}
            """#
        )
        #expect(longer == ["q", "a", "more", "c"] && other == ["q", "b"] && both == [1, 3])
    }

    @Test(arguments: [
        (#"{"prompt":"q","chosen":"a"}"#, "`chosen` and `rejected`"),
        (#"{"prompt":"q","chosen":"a","rejected":"a"}"#, "the same as"),
        (#"{"chosen":"a","rejected":"b"}"#, "a `prompt` beside it"),
        (#"{"prompt":"q","chosen":"a","rejected":7}"#, "`rejected`"),
        (#"{"prompt":"q","chosen":"a","rejected":" "}"#, "empty"),
        (
            #"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"p"},{"role":"assistant","content":"b"}]}"#,
            "not the assistant's"
        ),
        (
            #"{"prompt":"z","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}"#,
            "without the prompt"
        ),
        (#"{"instruction":"q","preferred_output":"a"}"#, "call the two answers"),
    ]) func saysWhatIsWrongAndWhere(_ row: String, _ message: String) throws {
        let first = #"{"prompt":"q","chosen":"a","rejected":"b"}"#
        #expect {
            try read(message.contains("call") || row.contains("\"a\"}") ? row : "\(first)\n\(row)")
        } throws: { error in
            "\(error)".hasPrefix("data.jsonl:") && "\(error)".contains(message)
        }
    }

    // MARK: Rows

    @Test func pairsBecomeTwoSequencesAndStagesDoNotMix() async throws {
        let model = try await LanguageModel.load(from: GoldenTuningTests.folder.appending(path: "tiny-llama.gguf"))
        let pairs = try read(#"{"prompt":"ask","chosen":"yes, this","rejected":"no"}"#)
        let row = try #require(try pairs.tokenized(for: model, cutoffLength: 400, stage: .dpo).rows.first)
        let tokenizer = try model.requireTokenizer()
        let answers = row.sequences.map { sequence in
            tokenizer.decode(
                sequence.ids.indices.filter { sequence.isTarget[$0] }.map { sequence.ids[$0] },
                skipSpecialTokens: true
            )
        }
        #expect(answers == ["yes, this", "no"])
        #expect(row.tokenCount == row.sequences.reduce(0) { $0 + $1.ids.count })
        #expect { try pairs.tokenized(for: model, cutoffLength: 400) } throws: {
            "\($0)".contains("data.jsonl:1") && "\($0)".contains("stage: dpo")
        }
        let answer = try read(#"{"prompt":"a","completion":"b"}"#)
        #expect { try answer.tokenized(for: model, cutoffLength: 400, stage: .dpo) } throws: {
            "\($0)".contains("stage: sft")
        }
        // Cut before the answers part, the pair says nothing.
        let shared = row.ids.indices.first { row.isTarget[$0] } ?? 0
        #expect(throws: TrainingError.self) { try pairs.tokenized(for: model, cutoffLength: shared, stage: .dpo) }
    }

    // MARK: The objective

    private struct Golden: Decodable {
        struct Pair: Decodable {
            var prompt: [Int]
            var chosen: [Int]
            var rejected: [Int]
        }
        var beta: Double
        var pairs: [Pair]
        var reference: [Double]
        var rewards: [Double]
        var loss: Double

        var rows: [TokenizedExample] {
            pairs.enumerated().map { index, pair in
                func marks(_ answer: [Int]) -> [Bool] {
                    pair.prompt.map { _ in false } + answer.map { _ in true }
                }
                return TokenizedExample(
                    ids: pair.prompt + pair.chosen,
                    isTarget: marks(pair.chosen),
                    source: Example.Source(file: "golden", line: index + 1),
                    rejected: .init(ids: pair.prompt + pair.rejected, isTarget: marks(pair.rejected))
                )
            }
        }
    }

    private func golden() throws -> Golden {
        let file = GoldenTuningTests.folder.appending(path: "dpo.json")
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    }

    private func objective(_ golden: Golden, _ reference: [Double]) -> Objective {
        DirectPreference.objective(
            beta: golden.beta,
            reference: Dictionary(uniqueKeysWithValues: zip(golden.rows, reference))
        )
    }

    @Test func lossRewardsAndGradientsEqualTorch() async throws {
        let golden = try golden()
        let (model, adapter) = try await GoldenTuningTests.start()
        adapter.attach(to: model)
        for parameter in adapter.parameters { try parameter.setRequiresGradient(true) }
        let reference = try DirectPreference.reference(for: golden.rows, model: model, batchSize: 3)
        for (found, expected) in zip(reference, golden.reference) { #expect(abs(found - expected) < 1e-4) }
        let step = TrainingStep(model: model, rows: golden.rows, targetWeight: 1, index: 0)
        let loss = try objective(golden, reference)(step)
        #expect(abs(try loss.total.item() - golden.loss) < 1e-5)
        let count = Double(golden.rewards.count)
        let margins = golden.rewards.reduce(0, +) / count
        #expect(abs(try #require(loss.metrics["rewards/margins"]) - margins) < 1e-5)
        #expect(loss.metrics["rewards/accuracies"] == Double(golden.rewards.count { $0 > 0 }) / count)
        let gradients = try loss.total.gradients(of: adapter.parameters).map { try $0.floats() }
        let file = try SafetensorsFile(contentsOf: GoldenTuningTests.folder.appending(path: "dpo.safetensors"))
        for (index, (module, _)) in adapter.pairs.enumerated() {
            for (offset, matrix) in ["lora_A", "lora_B"].enumerated() {
                let name = "grad.base_model.model.\(module).\(matrix).weight"
                let expected = try file.withBytes(of: name) { bytes in
                    (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
                }
                #expect(GoldenTuningTests.distance(gradients[index * 2 + offset], expected) < 2e-5, "\(name)")
            }
        }
    }

    /// However many parts and micro-batches the pairs go through the model in, the steps are the same up to rounding;
    /// and preferences are learned.
    @Test func trainingLearnsPreferencesInAnyParts() async throws {
        let golden = try golden()
        func reports(threads: Int, batch: Int) async throws -> [StepReport] {
            let before = Torch.threads
            Torch.setThreads(threads)
            defer { Torch.setThreads(before) }
            let (model, _) = try await GoldenTuningTests.start()
            let adapter = try Adapter(LoRAConfiguration(r: 4, loraAlpha: 8), for: model, seed: 1)
            var settings = TrainingSettings()
            settings.stage = .dpo
            settings.learningRate = 1e-2
            settings.maxSteps = 20
            settings.warmupSteps = 0
            settings.perDeviceTrainBatchSize = batch
            settings.gradientAccumulationSteps = 4 / batch
            let reference = try DirectPreference.reference(for: golden.rows, model: model, batchSize: batch)
            let trainer = try Trainer(
                model: model,
                training: adapter,
                rows: golden.rows,
                settings: settings,
                seed: 0,
                shuffles: false,
                scheme: TrainingScheme(objective(golden, reference))
            )
            return try (0..<20).map { _ in try trainer.takeStep() }
        }
        let whole = try await reports(threads: 1, batch: 4)
        #expect(abs(whole[0].loss - log(2)) < 1e-5)
        #expect(abs(try #require(whole[0].metrics?["rewards/margins"])) < 1e-4)
        #expect(whole[19].loss < 0.2 && whole[19].metrics?["rewards/accuracies"] == 1)
        #expect(whole[0].tokens == golden.rows.reduce(0) { $0 + $1.tokenCount })
        for (threads, batch) in [(3, 4), (1, 2), (2, 1)] {
            for (one, other) in zip(whole, try await reports(threads: threads, batch: batch)).prefix(4) {
                #expect(abs(one.loss - other.loss) < 1e-4)
            }
        }
    }
}
