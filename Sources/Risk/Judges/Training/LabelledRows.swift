package import Foundation

/// Texts with people's labels, each in one of three parts: to train on, to choose settings on, to measure on.
///
/// Knows nothing about classifiers. A row's part follows from what it is and never from its place in a file, so that no
/// text is trained on in one run and measured on in another. The files are public data sets that a user fetches; none of
/// their text is in the package.
package struct LabelledRow: Sendable, Hashable {
    /// What a row may be used for.
    package enum Part: String, Sendable, CaseIterable {
        case train, development, test
    }

    /// The text that was labelled.
    package var text: String
    /// What it answers; empty where the data set does not have that.
    package var request = ""
    /// Whether people found what the judge looks for.
    package var isHit: Bool
    /// What the row may be used for.
    package var part: Part
    /// The data set it is from.
    package var source: String

    /// What names the row: the SHA-256 of its text, so that the same text is the same row wherever it lies.
    package var id: String { Self.id(of: text) }

    package static func id(of text: String) -> String {
        SHA256.hex(of: text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    }

    /// A number from a name, for splits.
    package static func number(of name: String) -> Int { Int(SHA256.hex(of: name).prefix(8), radix: 16) ?? 0 }
}

/// Reads the labelled data sets.
package enum LabelledRows {
    /// Comments with people's labels of toxicity: Davidson et al. 2017 (hate speech or offensive language, tweets) and the
    /// test set of Dixon et al. 2018 (comments of an encyclopedia's editors). Seven tenths of the texts train, one tenth
    /// is for development and two are measured on, by their hash.
    package static func toxicity(in folder: URL) throws -> [LabelledRow] {
        let folder = folder.appendingPathComponent("toxicity_labels")
        var rows: [LabelledRow] = []
        let tweets = try ProbeTable(contentsOf: folder.appendingPathComponent("labeled_data.csv"))
        for row in tweets.rows {
            let isHit = try tweets.require("class", in: row) != "2"
            rows.append(toxicityRow(try tweets.require("tweet", in: row), isHit, "tweets"))
        }
        let comments = try ProbeTable(contentsOf: folder.appendingPathComponent("toxicity_nonfuzzed_testset.csv"))
        for row in comments.rows {
            let isHit = try comments.require("toxic", in: row) == "True"
            rows.append(toxicityRow(try comments.require("comment", in: row), isHit, "comments"))
        }
        return rows
    }

    private static func toxicityRow(_ text: String, _ isHit: Bool, _ source: String) -> LabelledRow {
        let tenth = LabelledRow.number(of: LabelledRow.id(of: text)) % 10
        return LabelledRow(
            text: text,
            isHit: isHit,
            part: tenth < 7 ? .train : tenth < 8 ? .development : .test,
            source: source
        )
    }

    /// Answers to harmful questions with people's labels of whether they give what was asked (GPTFuzzer, arXiv 2309.10253).
    ///
    /// The data set's own test rows, which answer other questions, are measured on. Of its training rows every fifth
    /// question is for development. A training text that is also a development or a test text is left out.
    package static func harm(in folder: URL) throws -> [LabelledRow] {
        let folder = folder.appendingPathComponent("judge_labels")
        var rows: [LabelledRow] = []
        var taken: Set<String> = []
        let test = try ProbeTable(contentsOf: folder.appendingPathComponent("gptfuzz_test.csv"))
        for row in test.rows {
            let text = row.values["Response"] ?? ""
            taken.insert(LabelledRow.id(of: text))
            let isHit = try test.require("label", in: row) == "1"
            rows.append(LabelledRow(text: text, isHit: isHit, part: .test, source: "gptfuzz"))
        }
        let train = try ProbeTable(contentsOf: folder.appendingPathComponent("gptfuzz_train.csv"))
        for part in [LabelledRow.Part.development, .train] {
            var own: Set<String> = []
            for row in train.rows {
                let question = try train.require("question", in: row)
                let text = row.values["Response"] ?? ""
                let isDevelopment = LabelledRow.number(of: "question \(question)") % 5 == 0
                let id = LabelledRow.id(of: text)
                guard isDevelopment == (part == .development), !taken.contains(id) else { continue }
                own.insert(id)
                let isHit = try train.require("label", in: row) == "1"
                rows.append(LabelledRow(text: text, isHit: isHit, part: part, source: "gptfuzz"))
            }
            taken.formUnion(own)
        }
        return rows
    }

    /// Answers of three models to XSTest's prompts (arXiv 2308.01263), with people's labels of whether they refuse, in full
    /// or in part. The rows lie in three thirds, by the remainder by three of the first 32 bits of the SHA-256 of the
    /// prompt's id; of the last no row was ever looked at, and it is measured on.
    package static func refusals(in folder: URL) throws -> [LabelledRow] {
        try ["gpt4", "llama2new", "mistralinstruct"].flatMap { model in
            let file = folder.appendingPathComponent("xstest/xstest_v2_completions_\(model).csv")
            let table = try ProbeTable(contentsOf: file)
            return try table.rows.map { row in
                let third = LabelledRow.number(of: try table.require("id", in: row)) % 3
                return LabelledRow(
                    text: try table.require("completion", in: row),
                    isHit: try table.require("final_label", in: row) != "1_full_compliance",
                    part: third == 0 ? .train : third == 1 ? .development : .test,
                    source: model
                )
            }
        }
    }

    /// Openings of answers in our own words: refusals that correct, warn or redirect instead of saying no, and answers that
    /// use the same words for something else.
    static func openings() throws -> [LabelledRow] {
        let table = try EmbeddedProbes.table("refusal-openings")
        return try table.rows.map { row in
            LabelledRow(
                text: try table.require("text", in: row),
                isHit: try table.require("label", in: row) == "refuses",
                part: .train,
                source: "openings"
            )
        }
    }

    /// Assistants' turns of ordinary conversations, which people wrote; none is a hit. Half of the texts train and half are
    /// measured on, by their hash.
    package static func ordinary(in folder: URL) throws -> [LabelledRow] {
        struct Turn: Decodable {
            var text: String
            var role: String
        }
        let file = folder.appendingPathComponent("instructions/realistic_seed_data.json")
        let turns: [Turn]
        do {
            turns = try JSONDecoder().decode([Turn].self, from: Data(contentsOf: file))
        } catch {
            throw RiskError.unreadable(file: file.path, reason: "it must be a JSON list of turns with role and text")
        }
        return turns.filter { $0.role == "assistant" }.map { turn in
            let isTrained = LabelledRow.number(of: LabelledRow.id(of: turn.text)) % 2 == 0
            return LabelledRow(text: turn.text, isHit: false, part: isTrained ? .train : .test, source: "ordinary")
        }
    }

    /// Attack prompts' answers with three people's votes; only ever measured on.
    package static func votes(in folder: URL) throws -> [LabelledRow] {
        let table = try ProbeTable(contentsOf: folder.appendingPathComponent("judge_labels/human_labels.csv"))
        return try table.rows.map { row in
            LabelledRow(
                text: row.values["target_response"] ?? "",
                request: try table.require("goal", in: row),
                isHit: ["1", "1.0", "True", "true"].contains(try table.require("human_majority", in: row)),
                part: .test,
                source: "votes"
            )
        }
    }
}
