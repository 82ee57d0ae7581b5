package import Foundation
import TemperRisk
import TemperText

/// Reads what the guard's classifiers learn from and are measured on, out of a folder of public data sets.
///
/// Knows nothing about classifiers. None of this text is in the package. XSTest and the suites of `Risk` are only measured
/// on; a training text that is also one of theirs is left out.
package enum GuardRows {
    /// Harmful requests and texts, and harmless ones.
    package static func jailbreak(in folder: URL, and alignment: AlignmentPrompts) throws -> [GuardRow] {
        var rows = alignment.harmful.map { GuardRow(own: $0, true, "alignment") }
        rows += alignment.harmless.map { GuardRow(own: $0, false, "alignment") }
        rows += HarmfulIntent.rows
        rows += try advBench(in: folder) + moderation(in: folder) + ordinary(in: folder) + questions(in: folder)
        return try withoutTests(rows, in: folder)
    }

    /// What an encoder learns from beside them: pairs that share their words.
    static func contrasts(in folder: URL) throws -> [GuardRow] { try withoutTests(Contrasts.rows, in: folder) }

    /// Texts that give a model orders against its own, and texts that do not.
    package static func injection(in folder: URL, and alignment: AlignmentPrompts) throws -> [GuardRow] {
        let plain = alignment.harmless.map { GuardRow(own: $0, false, "alignment") }
        let answers = try conversations(in: folder, role: "assistant", as: "carriers")
        var rows = plain + InjectionPhrases.rows(carriers: answers.filter { $0.part != .test }.map(\.text))
        for (file, part) in [
            ("train", LabelledRow.Part.train), ("val", .development), ("test", .test),
        ] {
            let table = try ProbeTable(contentsOf: folder.appendingPathComponent("prompt_injections/\(file).csv"))
            rows += try table.rows.map { row in
                let isHit = try table.require("label", in: row).hasPrefix("1")
                return GuardRow(try table.require("text", in: row), isHit, part, "prompt injections")
            }
        }
        rows += try templates(in: folder) + ordinary(in: folder) + questions(in: folder) + answers
        return try withoutTests(rows, in: folder)
    }

    /// AdvBench's harmful behaviours (Zou et al. 2023, arXiv 2307.15043).
    static func advBench(in folder: URL) throws -> [GuardRow] {
        let file = folder.appendingPathComponent("advbench/advbench_harmful_behaviors.csv")
        let table = try ProbeTable(contentsOf: file)
        return try table.rows.map { GuardRow(splitting: try table.require("goal", in: $0), true, "AdvBench") }
    }

    /// The moderation set of Markov et al. 2022 (arXiv 2208.03274). Texts that are only sexual are neither kind here.
    static func moderation(in folder: URL) throws -> [GuardRow] {
        let file = folder.appendingPathComponent("moderation/samples-1680.jsonl.gz")
        struct Line: Decodable {
            var prompt: String
            var S: Int?
            var H: Int?
            var V: Int?
            var HR: Int?
            var SH: Int?
            var S3: Int?
            var H2: Int?
            var V2: Int?
        }
        let bytes: [UInt8]
        do {
            bytes = try Gunzip.unpack(Data(contentsOf: file))
        } catch {
            throw RiskError.unreadable(file: file.path, reason: "\(error)")
        }
        return try bytes.split(separator: UInt8(ascii: "\n")).enumerated().compactMap { number, line in
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
                throw RiskError.unreadable(file: file.path, reason: "line \(number + 1) is no object with a prompt")
            }
            let isHit = [line.H, line.V, line.HR, line.SH, line.S3, line.H2, line.V2].contains(1)
            return line.S == 1 && !isHit ? nil : GuardRow(splitting: line.prompt, isHit, "moderation")
        }
    }

    /// People's requests to assistants: OpenAssistant's first and later turns, and Self-Instruct's tasks.
    static func ordinary(in folder: URL) throws -> [GuardRow] {
        var rows = try conversations(in: folder, role: "prompter", as: "instructions")
        for name in ["seed_tasks", "user_oriented_instructions"] {
            let table = try ProbeTable(contentsOf: folder.appendingPathComponent("instructions/\(name).jsonl"))
            rows += table.rows.compactMap { row in
                row.values["instruction"].map { GuardRow(splitting: $0, false, "instructions") }
            }
        }
        return rows
    }

    private static func conversations(in folder: URL, role: String, as source: String) throws -> [GuardRow] {
        struct Turn: Decodable {
            var text: String
            var role: String
        }
        let file = folder.appendingPathComponent("instructions/realistic_seed_data.json")
        guard let data = try? Data(contentsOf: file), let turns = try? JSONDecoder().decode([Turn].self, from: data)
        else {
            throw RiskError.unreadable(file: file.path, reason: "it must be a JSON list of turns with text and role")
        }
        return turns.filter { $0.role == role }.map { GuardRow(splitting: $0.text, false, source) }
    }

    /// Questions of tests: general knowledge, mathematics, medicine, common misconceptions.
    static func questions(in folder: URL) throws -> [GuardRow] {
        struct Paper: Decodable { var QUESTION: String }
        var texts: [String] = []
        for (file, column) in [
            ("general_knowledge/mmlu_sample.csv", "question"), ("gsm8k/test.jsonl", "question"),
            ("truthfulqa/truthfulqa-open-ended.json", "input"),
        ] {
            let table = try ProbeTable(contentsOf: folder.appendingPathComponent(file))
            texts += table.rows.compactMap { $0.values[column] }
        }
        let file = folder.appendingPathComponent("domain_medical/ori_pqal.json")
        guard let data = try? Data(contentsOf: file),
            let papers = try? JSONDecoder().decode([String: Paper].self, from: data)
        else {
            throw RiskError.unreadable(file: file.path, reason: "it must be a JSON object of papers with QUESTION")
        }
        texts += papers.sorted { $0.key < $1.key }.map(\.value.QUESTION)
        return texts.map { GuardRow(splitting: $0, false, "questions") }
    }

    /// Role-play jailbreaks as they go round; every second one trains, by its hash.
    static func templates(in folder: URL) throws -> [GuardRow] {
        let folder = folder.appendingPathComponent("jailbreak_templates")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
        return files.sorted().flatMap { name -> [GuardRow] in
            let data = try? Data(contentsOf: folder.appendingPathComponent(name))
            let texts = data.flatMap { try? JSONDecoder().decode([String].self, from: $0) } ?? []
            let isTrained = LabelledRow.number(of: name) % 2 == 0
            return texts.map { GuardRow($0, true, isTrained ? .train : .test, "role play") }
        }
    }

    /// XSTest (Röttger et al. 2023, arXiv 2308.01263): requests that sound harmful, of which some are.
    package static func xsTest(in folder: URL) throws -> [GuardRow] {
        let table = try ProbeTable(contentsOf: folder.appendingPathComponent("xstest/xstest_prompts.csv"))
        return try table.rows.map { row in
            let isHit = try table.require("label", in: row) == "unsafe"
            return GuardRow(try table.require("prompt", in: row), isHit, .test, "XSTest")
        }
    }

    /// A suite's prompts.
    package static func suite(_ name: String, isHit: Bool) throws -> [GuardRow] {
        guard let suite = Suites.all.first(where: { $0.card.name == name }) else { return [] }
        return try suite.probes(limit: nil, seed: 1).map { GuardRow($0.chat.lastUserText, isHit, .test, name) }
    }

    /// Each text once; texts of the sets that are only measured on are left out.
    private static func withoutTests(_ rows: [GuardRow], in folder: URL) throws -> [GuardRow] {
        var seen = Set(try xsTest(in: folder).map(\.key))
        for name in ["jailbreak", "over-refusal", "ordinary", "injection"] {
            seen.formUnion(try suite(name, isHit: false).map(\.key))
        }
        // A text that stands in two parts is measured on.
        let order: [LabelledRow.Part] = [.test, .development, .train]
        return order.flatMap { part in rows.filter { $0.part == part && seen.insert($0.key).inserted } }
    }
}
