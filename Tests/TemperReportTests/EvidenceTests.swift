import Foundation
import Testing

@testable import TemperReport

/// The evidence files: exact bytes where the format is binary, the members that readers ask for, and hostile texts.
@Suite struct EvidenceTests {
    private func text(_ path: String, of report: RunReport = Sample.gated) throws -> String {
        let files = Evidence.files(report, program: "0.1.0")
        return String(decoding: try #require(files.first { $0.path == path }, "\(path)").data, as: UTF8.self)
    }

    private func json(_ path: String, of report: RunReport = Sample.gated) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(text(path, of: report).utf8))
        return try #require(object as? [String: Any])
    }

    @Test func checkValues() {
        // The check value of the polynomial, and RFC 3720's of 32 zeros and 32 ones.
        #expect(CRC32C.value(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.value(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.value(Array(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    }

    /// Made by hand from the two specifications; `Scripts` of TensorBoard read it in the test below.
    @Test func eventBytesAreExact() throws {
        var report = Sample.report
        report.created = Date(timeIntervalSince1970: 1)
        report.subjects = []
        report.training = [
            .init(phase: "t", step: 300, loss: 1, learningRate: 0.5, gradientNorm: 2, tokensPerSecond: 0)
        ]
        let bytes = Array(TensorBoardEvents(reading: Reading(report)).data)
        let time: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]
        let version = time + [0x1A, 13] + Array("brain.Event:2".utf8)
        func value(_ tag: String, _ float: [UInt8]) -> [UInt8] {
            let inner = [0x0A, UInt8(tag.utf8.count)] + Array(tag.utf8) + [0x15] + float
            return [0x0A, UInt8(inner.count)] + inner
        }
        let summary =
            value("t/loss", [0, 0, 0x80, 0x3F]) + value("t/learning_rate", [0, 0, 0, 0x3F])
            + value("t/grad_norm", [0, 0, 0, 0x40]) + value("t/tokens_per_second", [0, 0, 0, 0])
        let step = time + [0x10, 0xAC, 0x02, 0x2A, UInt8(summary.count)] + summary
        // The masked check values are those of google-crc32c: (crc >> 15 | crc << 17) + 0xA282EAD8.
        #expect(bytes == TensorBoardEvents.record(version) + TensorBoardEvents.record(step))
        #expect(Array(bytes.prefix(12)) == [24, 0, 0, 0, 0, 0, 0, 0] + Self.maskedCheckOf24)
        #expect(bytes.count == 24 + 16 + step.count + 16)
    }

    /// What TensorFlow writes after the length 24 (`masked_crc32c(struct.pack("<Q", 24))`).
    private static let maskedCheckOf24: [UInt8] = [0xA3, 0x7F, 0x4B, 0x22]

    @Test func modelCardHasItsIndex() throws {
        let card = try text("README.md")
        #expect(
            card.hasPrefix(
                "---\nlibrary_name: peft\npipeline_tag: text-generation\nbase_model: Example-135M-Instruct\n"
                    + "base_model_relation: adapter\ntags:\n"
            )
        )
        #expect(card.contains("          type: \"jailbreak\"\n          name: \"Harmful requests\"\n"))
        #expect(card.contains("          - type: \"attack_success_rate\"\n"))
        #expect(card.contains("            value: 0.10625\n            verified: false\n"))
        #expect(card.contains("## Safety change against base"))
        #expect(card.contains("| raw (base) | 95.0"))
        #expect(card.contains("The numbers above are those of `safe-projection`."))
    }

    @Test func billOfMaterials() throws {
        let bom = try json("bom.cdx.json")
        #expect(bom["bomFormat"] as? String == "CycloneDX" && bom["specVersion"] as? String == "1.6")
        let serial = try #require(bom["serialNumber"] as? String)
        #expect(serial.contains(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/))
        let components = try #require(bom["components"] as? [[String: Any]])
        let data = Sample.gated.suites.map { _ in "data" }
        let models = Array(repeating: "machine-learning-model", count: 2)
        #expect(components.map { $0["type"] as? String } == models + data)
        let card = try #require(components[0]["modelCard"] as? [String: Any])
        let analysis = try #require(card["quantitativeAnalysis"] as? [String: Any])
        let metrics = try #require(analysis["performanceMetrics"] as? [[String: Any]])
        let interval = try #require(metrics[0]["confidenceInterval"] as? [String: String])
        #expect(interval.keys.sorted() == ["lowerBound", "upperBound"])
        #expect(metrics[0]["value"] as? String == "0.10625")
    }

    /// Words that AVID's data model takes and no others.
    @Test func avid() throws {
        let report = try json("avid.json")
        let problem = try #require(report["problemtype"] as? [String: Any])
        #expect(problem["classof"] as? String == "LLM Evaluation" && problem["type"] as? String == "Detection")
        let metrics = try #require(report["metrics"] as? [[String: Any]])
        let method = try #require(metrics[0]["detection_method"] as? [String: String])
        #expect(method["type"] == "Significance Test")
        let impact = try #require((report["impact"] as? [String: Any])?["avid"] as? [String: Any])
        #expect(impact["sep_view"] as? [String] == ["S0403: Adversarial Example"])
        #expect(report["reported_date"] as? String == "2026-05-28")
    }

    @Test func trainerState() throws {
        let state = try json("trainer_state.json")
        #expect(state["global_step"] as? Int == 64)
        let log = try #require(state["log_history"] as? [[String: Any]])
        #expect(log.count == 64 + 8)
        let last = try #require(log.last)
        #expect(last["step"] as? Int == 64 && last["eval_safety_jailbreak_asr"] as? Double == 0.9)
        #expect(last["eval_over_refusal"] as? Double == 0.04 && last["eval_utility"] as? Double == 0.71)
        #expect(last["eval_safety_jailbreak_ci_low"] is Double && last["eval_over_refusal_ordinary"] is Double)
        #expect(log.contains { $0["step"] as? Int == 64 && $0["loss"] is Double })
    }

    @Test func otherHarnesses() throws {
        let stamp = "2026-05-28T20-26-40"
        let results = try json("lm-eval/tuned@64/results_\(stamp).json")
        let jailbreak = try #require((results["results"] as? [String: Any])?["jailbreak"] as? [String: Any])
        #expect(jailbreak["attack_success_rate,none"] as? Double == 0.9)
        // sqrt(0.9 * 0.1 / 159)
        #expect(abs((jailbreak["attack_success_rate_stderr,none"] as? Double ?? 0) - 0.023_791_5) < 1e-6)
        let better = try #require((results["higher_is_better"] as? [String: Any])?["jailbreak"] as? [String: Bool])
        #expect(better == ["attack_success_rate": false])
        let log = try json("inspect/tuned@64_jailbreak.json")
        #expect(log["version"] as? Int == 2 && log["status"] as? String == "success")
        let scores = try #require((log["results"] as? [String: Any])?["scores"] as? [[String: Any]])
        #expect(scores[0]["scored_samples"] as? Int == 160)
    }

    @Test func hostileTextsStayTexts() throws {
        var report = Sample.gated
        let evil = Sample.hostileAnswer + "\n---\n- x: [y](http://z) | `w` ${HOME} \u{2028}"
        report.name = evil
        report.model.name = evil
        report.model.path = "a/\(evil)"
        for index in report.suites.indices { report.suites[index].title = evil }
        for index in report.subjects.indices { report.subjects[index].utility?.metric = evil }
        report.settings = [evil: evil]
        report.notes = [evil]
        for file in Evidence.files(report, program: "0.1.0") {
            let name = try #require(file.path.split(separator: "/").last)
            #expect(!file.path.contains("..") && !name.contains("<") && name.utf8.count < 200, "\(file.path)")
            if file.path.hasSuffix(".json") { _ = try JSONSerialization.jsonObject(with: file.data) }
        }
        let card = try text("README.md", of: report)
        #expect(card.components(separatedBy: "\n---\n").count == 2)
        let body = try #require(card.components(separatedBy: "\n---\n").last)
        #expect(!body.contains("<script") && !body.contains("<img") && !body.contains("[y](http"))
        #expect(
            !card.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E || $0.value == 0x2028 }
        )
    }

    @Test func emptyReportsHaveEvidence() {
        var report = Sample.report
        report.subjects = []
        report.defences = []
        report.comparisons = []
        report.training = []
        for file in Evidence.files(report, program: "0.1.0") where file.path.hasSuffix(".json") {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: file.data) }
        }
    }

    @Test func yamlScalars() {
        for text in [
            "", "yes", "Null", "1.5", "0x1", "- a", "a: b", "a #b", "é", " a", "a ", "~", "*x", "2030-01-01", "off",
        ] {
            #expect(YAMLText.scalar(text).hasPrefix("\""), "\(text)")
        }
        for text in ["tuned", "a/b-c_d.gguf", "tuned@64"] { #expect(YAMLText.scalar(text) == text) }
    }

    // MARK: The readers themselves

    /// A Python with tensorboard and the other readers; without it the test is skipped, which the log says.
    static let python = ProcessInfo.processInfo.environment["TEMPER_EVIDENCE_PYTHON"]

    @Test(.enabled(if: python != nil, "set TEMPER_EVIDENCE_PYTHON to a Python with tensorboard to run it"))
    func readersReadThem() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-evidence-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var files = Evidence.files(Sample.gated, program: "0.1.0")
        let result = try Gate.evaluate(Sample.gated, against: .standard)
        files.append(.init("gate.sarif", result.sarif(location: "recipe.yaml", version: "0.1.0")))
        files.append(.init("policy.yaml", GatePolicy.standard.yaml))
        for file in files {
            let url = folder.appending(path: file.path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try file.data.write(to: url)
        }
        let process = Process()
        process.executableURL = URL(filePath: Self.python ?? "")
        process.arguments = [
            URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/report/read_evidence.py").path,
            folder.path,
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
