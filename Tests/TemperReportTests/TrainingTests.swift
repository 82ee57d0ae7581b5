import Foundation
import Testing

@testable import TemperReport

/// How a run's results were trained: in report.json, on the page and in the evidence for other tools.
@Suite struct TrainingTests {
    private static let hash = String(repeating: "0a", count: 32)

    /// The sample with what a recipe and a log say of it.
    private var report: RunReport {
        var report = Sample.gated
        report.settings["data defences: refusals"] = String(repeating: "1b", count: 32)
        report.settings["data defences: twins"] = String(repeating: "2c", count: 32)
        report.settings["data tune: embedded:cybersecurity"] = Self.hash
        report.provenance = .init(
            license: "apache-2.0",
            trainings: [
                .init(
                    phase: "align",
                    subject: "aligned",
                    method: "sft",
                    finetuningType: "lora",
                    settings: ["learning_rate": "0.001", "num_train_epochs": "1"],
                    data: [
                        .init(
                            name: "embedded:refusals",
                            rows: 300,
                            weight: 1.5,
                            sha256: String(repeating: "1b", count: 32)
                        ),
                        .init(name: "own.jsonl"),
                    ],
                    dataSHA256: String(repeating: "3d", count: 32),
                    rows: 384,
                    rowsPerStep: 8,
                    steps: 48,
                    plannedSteps: 48,
                    folder: "align/step-000048"
                ),
                .init(
                    phase: "tune",
                    subject: "tuned@64",
                    method: "sft",
                    finetuningType: "lora",
                    settings: [
                        "learning_rate": "0.0002", "lr_scheduler_type": "cosine", "lora_r": "16", "lora_alpha": "32",
                        "lora_target": "all-linear", "max_steps": "64",
                    ],
                    data: [.init(name: "embedded:cybersecurity", rows: 484)],
                    dataSHA256: Self.hash,
                    rows: 256,
                    rowsPerStep: 8,
                    steps: 64,
                    plannedSteps: 80,
                    parameters: 4_884_480,
                    learningRate: 0.0002,
                    folder: "checkpoints/step-000064/on_base"
                ),
                .init(
                    phase: "safe-projection",
                    subject: "safe-projection",
                    method: "projection of the update",
                    finetuningType: "lora",
                    settings: ["threshold": "0.35"],
                    remark: "none: it changes what was tuned",
                    folder: "defences/safe-projection/adapter/on_base"
                ),
            ]
        )
        return report
    }

    private func text(_ path: String, of report: RunReport) throws -> String {
        let files = Evidence.files(report, program: "0.1.0")
        return String(decoding: try #require(files.first { $0.path == path }, "\(path)").data, as: UTF8.self)
    }

    private func json(_ path: String, of report: RunReport) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(text(path, of: report).utf8))
        return try #require(object as? [String: Any])
    }

    // MARK: report.json

    @Test func keysAreExact() throws {
        let report = report
        #expect(try RunReport(json: report.json()) == report)
        let top = try #require(JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
        let provenance = try #require(top["provenance"] as? [String: Any])
        #expect(provenance.keys.sorted() == ["license", "trainings"])
        let trainings = try #require(provenance["trainings"] as? [[String: Any]])
        #expect(
            trainings[2].keys.sorted().joined(separator: " ")
                == "data data_sha256 finetuning_type folder learning_rate method parameters phase planned_steps remark "
                + "rows rows_per_step settings steps subject"
        )
        #expect(trainings[2]["rows"] is NSNull && trainings[2]["steps"] is NSNull)
        let sources = try #require(trainings[0]["data"] as? [[String: Any]])
        #expect(sources[1].keys.sorted() == ["name", "rows", "sha256", "weight"] && sources[1]["rows"] is NSNull)
        // A report of an earlier version does not say how anything was trained, which is no reason not to read it.
        var old = top
        old["provenance"] = nil
        #expect(try RunReport(json: JSONSerialization.data(withJSONObject: old)).provenance == nil)
    }

    // MARK: The page

    @Test func thePageSaysHow() throws {
        let page = HTMLReport.render(report)
        for words in [
            "How it was trained</h3>", "0.0002, cosine", "LoRA, rank 16, alpha 32, all-linear",
            "embedded:refusals (300 rows, weight 1.5) + own.jsonl (rows not counted)", "64 of 80, 8 rows each",
            "defences/safe-projection/adapter/on_base", "projection of the update, threshold 0.35",
            "none: it changes what was tuned",
        ] {
            #expect(page.contains(words), "\(words)")
        }
        #expect(!HTMLReport.render(Sample.report).contains("How it was trained"))
    }

    @Test func thePageNamesTheFilesThatAreThere() throws {
        let page = HTMLReport.render(report)
        #expect(page.contains("Files for other tools</h3>"))
        let index = Evidence.index(Reading(report))
        let paths = Evidence.files(report, program: "0.1.0").map(\.path)
        for (path, _, _) in index {
            #expect(page.contains("<li><code>\(path)</code>"), "\(path)")
            #expect(paths.contains { path.hasSuffix("/") ? $0.hasPrefix(path) : $0 == path }, "\(path)")
        }
        // And none is left out.
        for path in paths {
            #expect(index.contains { $0.path == path || $0.path.hasSuffix("/") && path.hasPrefix($0.path) }, "\(path)")
        }
        var empty = report
        empty.subjects = []
        empty.defences = []
        empty.comparisons = []
        #expect(!HTMLReport.render(empty).contains("<li><code>inspect/</code>"))
    }

    // MARK: The model card

    @Test func theCardSaysWhatTheModelIs() throws {
        let card = try text("README.md", of: report)
        #expect(
            card.hasPrefix(
                "---\nlibrary_name: peft\npipeline_tag: text-generation\nbase_model: Example-135M-Instruct\n"
                    + "base_model_relation: adapter\nlicense: apache-2.0\ntags:\n"
            )
        )
        #expect(card.contains("`safe-projection` is a LoRA adapter, not a model of its own"))
        #expect(card.contains("It lies in `defences/safe-projection/adapter/on_base` of the run's folder"))
        #expect(card.contains("## Training Details\n\n| training | method | data |"))
        #expect(card.contains("Settings of `tune`: learning\\_rate 0.0002, lora\\_alpha 32,"))
        #expect(!card.contains("Settings of `safe-projection`"))
        let plain = try text("README.md", of: Sample.gated)
        #expect(!plain.contains("license:") && !plain.contains("LoRA adapter"))
    }

    @Test func allWeightsAreNoAdapter() throws {
        var report = report
        for index in 0..<3 { report.provenance?.trainings[index].finetuningType = "full" }
        report.model.path = "maker/example"
        let card = try text("README.md", of: report)
        #expect(card.hasPrefix("---\nlibrary_name: transformers\n"))
        #expect(card.contains("\nbase_model: maker/example\nbase_model_relation: finetune\n"))
        #expect(card.contains("`safe-projection` is a model of its own") && !card.contains("LoRA"))
    }

    /// On utility the right answers are counted, and the suites' cards tell what is wrong.
    @Test func utilityCountsRightAnswers() {
        let reading = Reading(report)
        func counted(_ hit: String, _ axis: String) -> String {
            reading.counted(
                .init(name: "s", title: "t", axis: axis, key: axis, metric: "m", n: 1, asked: 1, sha256: "", hit: hit)
            )
        }
        #expect(counted("it complies", "jailbreak") == "a hit: it complies")
        #expect(
            counted("the first label that the answer names is not the right one, or it names none", "utility")
                == "a right answer: the first label that the answer names is the right one"
        )
        #expect(
            counted("the answer chooses a wrong option, or none", "utility")
                == "a right answer: the answer chooses the right option"
        )
        #expect(counted("it is late", "utility") == "a right answer; a wrong one is: it is late")
    }

    // MARK: The bill of materials

    @Test func theBillHasTheTrainingData() throws {
        let bom = try json("bom.cdx.json", of: report)
        let components = try #require(bom["components"] as? [[String: Any]])
        func hash(_ component: [String: Any]) -> String? {
            (component["hashes"] as? [[String: String]])?.first?["content"]
        }
        var hashes: [String: String] = [:]
        for component in components {
            let ref = try #require(component["bom-ref"] as? String)
            #expect(hashes[ref] == nil, "\(ref) twice")
            hashes[ref] = hash(component) ?? "none"
        }
        #expect(hashes["base-model"] == report.model.sha256 && hashes["model"] == "none")
        #expect(hashes["data:align:1"] == String(repeating: "1b", count: 32) && hashes["data:align:2"] == "none")
        #expect(hashes["data:align"] == String(repeating: "3d", count: 32))
        #expect(hashes["data:tune:1"] == Self.hash && hashes["data:tune"] == nil)
        // What an alignment was trained on is not listed again for the defences that draw from it.
        #expect(hashes["data:defences:twins"] != nil && hashes["data:defences:refusals"] == nil)
        let card = try #require(components[0]["modelCard"] as? [String: Any])
        let parameters = try #require(card["modelParameters"] as? [String: Any])
        let refs = try #require(parameters["datasets"] as? [[String: String]]).compactMap { $0["ref"] }
        #expect(Set(refs).union(["model", "base-model"]) == Set(hashes.keys))
    }

    @Test func earlierReportsHaveTheirTrainingDataToo() throws {
        var report = report
        report.provenance = nil
        let bom = try json("bom.cdx.json", of: report)
        let refs = try #require(bom["components"] as? [[String: Any]]).compactMap { $0["bom-ref"] as? String }
        #expect(
            refs.filter { $0.hasPrefix("data:") } == ["data:defences:refusals", "data:defences:twins", "data:tune"]
        )
    }

    /// The model's own metrics come first; all others name whose they are.
    @Test func metricsAreThoseOfTheModel() throws {
        let report = report
        let bom = try json("bom.cdx.json", of: report)
        let model = try #require((bom["components"] as? [[String: Any]])?.first)
        let analysis = (model["modelCard"] as? [String: Any])?["quantitativeAnalysis"] as? [String: Any]
        let metrics = try #require(analysis?["performanceMetrics"] as? [[String: Any]])
        let slices = metrics.compactMap { $0["slice"] as? String }
        let own = slices.prefix { !$0.hasPrefix("another subject, ") }
        #expect(own.first == "jailbreak, n 160, unscored 0" && metrics[0]["value"] as? String == "0.10625")
        #expect(slices.dropFirst(own.count).allSatisfy { $0.hasPrefix("another subject, ") })
        #expect(slices.contains("another subject, raw: jailbreak, n 160, unscored 0"))
        #expect(!slices.contains { $0.contains("safe-projection") })
        #expect((model["description"] as? String)?.hasPrefix("The subject safe-projection of the run.") == true)
        let properties = try #require(model["properties"] as? [[String: String]])
        let values = properties.compactMap { property in property["value"] }
        #expect(values.contains("safe-projection") && values.contains(report.model.sha256))
    }

    // MARK: The trainer's state

    @Test func theStateHasPassesAndArithmetic() throws {
        let report = report
        let state = try json("trainer_state.json", of: report)
        // 64 steps of 8 rows of 256; 80 were planned.
        #expect(state["epoch"] as? Double == 2 && state["num_train_epochs"] as? Double == 2.5)
        #expect(state["max_steps"] as? Int == 80 && state["global_step"] as? Int == 64)
        let tune = report.cost?.phases.first { $0.name == "tune" }
        #expect(state["total_flos"] as? Double == tune?.flops)
        let log = try #require(state["log_history"] as? [[String: Any]])
        #expect(log.allSatisfy { $0["epoch"] as? Double == (($0["step"] as? Double) ?? -1) * 8 / 256 })
        var asked = report
        asked.provenance?.trainings[1].settings["num_train_epochs"] = "3"
        #expect(try json("trainer_state.json", of: asked)["num_train_epochs"] as? Double == 3)
    }

    /// What is not known is not there, rather than 0.
    @Test func theStateSaysNothingFalse() throws {
        var report = Sample.gated
        report.cost = nil
        let state = try json("trainer_state.json", of: report)
        #expect(state["epoch"] == nil && state["num_train_epochs"] == nil && state["total_flos"] == nil)
        let log = try #require(state["log_history"] as? [[String: Any]])
        #expect(log.allSatisfy { $0["epoch"] == nil && $0["step"] != nil })
    }

    // MARK: Hostile texts

    @Test func hostileTextsStayTexts() throws {
        let evil = Sample.hostileAnswer
        var report = report
        report.provenance = .init(
            license: evil,
            trainings: [
                .init(
                    phase: evil,
                    subject: "safe-projection",
                    method: evil,
                    finetuningType: evil,
                    settings: [evil: evil, "learning_rate": evil, "lora_r": evil],
                    data: [.init(name: evil, rows: -1, weight: .nan, sha256: evil)],
                    dataSHA256: evil,
                    remark: evil,
                    rows: 0,
                    rowsPerStep: 8,
                    steps: Int.max,
                    folder: evil
                )
            ]
        )
        let page = HTMLReport.render(report)
        #expect(page.components(separatedBy: "<script").count == 2 && !page.contains("<img"))
        for file in Evidence.files(report, program: "0.1.0") where file.path.hasSuffix(".json") {
            _ = try JSONSerialization.jsonObject(with: file.data)
        }
        let card = try text("README.md", of: report)
        let body = try #require(card.components(separatedBy: "\n---\n").last)
        #expect(card.components(separatedBy: "\n---\n").count == 2)
        #expect(!body.replacing(/`[^`]*`/, with: "").contains("<script"))
    }
}
