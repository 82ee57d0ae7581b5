import Foundation
import TemperText
import Testing

@testable import TemperRisk

@Suite("Suites")
struct SuiteTests {
    static let names = Suites.all.map(\.card.name)

    @Test(arguments: names)
    func loadsAndItsCardIsComplete(name: String) throws {
        let suite = try Suites.named(name)
        let card = suite.card
        for field in [card.title, card.hit, card.source, card.licence, card.metric, suite.judge.card.looksFor] {
            #expect(!field.isEmpty)
        }
        #expect(!card.tags.isEmpty)
        for tag in card.tags { #expect(tag.contains(/-[0-9].*:|-v[0-9]+:/), "the tag \(tag) has no version") }
        #expect(!suite.judge.card.limits.isEmpty)
        let probes = try suite.probes(limit: nil, seed: 0)
        #expect(probes.count >= 60)
        #expect(Set(probes.map(\.id)).count == probes.count)
        #expect(Set(probes.map { [$0.promptSHA256] + $0.candidates.sorted() }).count == probes.count)
        #expect(try suite.sha256() == suite.sha256())
    }

    @Test func namesAreUniqueAndAnUnknownOneIsExplained() throws {
        #expect(Set(Self.names).count == Self.names.count)
        let error = try #require(throws: RiskError.self) { try Suites.named("harmfull") }
        #expect(error.description.contains("over-refusal"))
    }

    @Test(arguments: names)
    func subsetsAreNestedBalancedAndSeeded(name: String) throws {
        let suite = try Suites.named(name)
        for seed: UInt64 in [0, 1, 99] {
            let small = try suite.probes(limit: 30, seed: seed)
            let large = try suite.probes(limit: 60, seed: seed)
            #expect(small.count == 30 && large.count == 60)
            #expect(Set(small).isSubset(of: large))
            #expect(try suite.probes(limit: 30, seed: seed) == small)
        }
        #expect(try suite.probes(limit: 30, seed: 1) != suite.probes(limit: 30, seed: 2))
        #expect(try suite.probes(limit: 0, seed: 1).isEmpty)
        let categories = Set(try suite.probes(limit: nil, seed: 0).map(\.category)).count
        let drawn = try suite.probes(limit: categories, seed: 3)
        #expect(Set(drawn.map(\.category)).count == categories)
    }

    @Test func theTechniqueJudgeKnowsItsSuitesNames() throws {
        let references = try Suites.named("cybersecurity").probes(limit: nil, seed: 0).map(\.reference)
        for reference in references {
            let id = try #require(reference["answer"])
            #expect(TechniqueJudge.commonTechniques[id] == reference["name"])
        }
    }

    @Test func pairedSuitesDrawPairs() throws {
        let harmful = try Suites.named("jailbreak").probes(limit: 40, seed: 5)
        let twins = try Suites.named("over-refusal").probes(limit: 40, seed: 5)
        #expect(twins.map { $0.reference["twin"] } == harmful.map(\.id))
    }

    /// Words that say nothing about what a request is for.
    private static let functionWords = Set(
        """
        a an the of to in on at for with from by about into out up down over without and or but so as if than then is are \
        was were be been being am do does did done have has had i you he she it we they me him her us them my your his \
        its our their this that these those what which who whom whose how why when where can could should would will \
        shall may might must not no some any there here
        """.split(separator: " ")
    )

    @Test func everyHarmfulRequestHasATwin() throws {
        let harmful = try Suites.named("jailbreak").probes(limit: nil, seed: 0)
        let twins = try Suites.named("over-refusal").probes(limit: nil, seed: 0)
        #expect(harmful.count == 204)
        #expect(twins.map { $0.reference["twin"] } == harmful.map(\.id))
        #expect(twins.map(\.category) == harmful.map(\.category))
        #expect(Dictionary(grouping: harmful, by: \.category).mapValues(\.count).values.allSatisfy { $0 == 17 })
    }

    @Test func theToxicitySuiteIsComplete() throws {
        let probes = try Suites.toxicity(judge: RefusalJudge()).probes(limit: nil, seed: 0)
        let categories = Dictionary(grouping: probes, by: \.category)
        #expect(probes.count == 160 && Set(probes.map(\.promptSHA256)).count == 160)
        #expect(categories.count == 8 && categories.values.allSatisfy { $0.count == 20 })
    }

    /// Runs of four words.
    private static func shingles(_ text: String) -> Set<[String]> {
        let words = PlainWords.of(text)
        return Set((0...max(0, words.count - 4)).map { Array(words[$0..<min($0 + 4, words.count)]) })
    }

    @Test(arguments: ["jailbreak", "over-refusal", "ordinary", "toxicity"])
    func noTwoPromptsAreNearlyTheSame(name: String) throws {
        let suite = name == "toxicity" ? Suites.toxicity(judge: RefusalJudge()) : try Suites.named(name)
        let probes = try suite.probes(limit: nil, seed: 0).map { ($0.id, Self.shingles($0.chat.lastUserText)) }
        for (index, (id, own)) in probes.enumerated() {
            for (other, others) in probes[..<index] {
                let shared = own.intersection(others).count
                #expect(shared * 2 < own.union(others).count, "\(id) and \(other)")
            }
        }
    }

    @Test func noSuitePromptIsInTheAlignmentData() throws {
        struct Row: Decodable { var messages: [Message] }
        func words(_ text: String) -> Set<Substring> {
            Set(text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "'") }).subtracting(Self.functionWords)
        }
        let folder = projectRoot.appendingPathComponent("Sources/Align/Resources")
        var alignment: [(String, Set<Substring>)] = []
        for name in ["refusals", "twins", "ordinary"] {
            let content = try String(contentsOf: folder.appendingPathComponent("\(name).jsonl"), encoding: .utf8)
            for line in content.split(separator: "\n") {
                for message in try JSONDecoder().decode(Row.self, from: Data(line.utf8)).messages
                where message.role == .user {
                    alignment.append((message.content, words(message.content)))
                }
            }
        }
        #expect(alignment.count > 1000)
        for suite in Suites.all + [Suites.toxicity(judge: RefusalJudge())] {
            for probe in try suite.probes(limit: nil, seed: 0) {
                let own = words(probe.chat.lastUserText)
                for (text, other) in alignment {
                    let shared = own.intersection(other).count
                    let all = own.count + other.count - shared
                    #expect(shared * 2 < all, "\(probe.id) is also in the alignment data: \(text)")
                }
            }
        }
    }
}

@Suite("Readers")
struct ReaderTests {
    private func message(_ name: String, _ content: String, _ format: Suites.Format = .auto) throws -> String {
        try withFile(name, content) { file in
            let error = try #require(throws: RiskError.self) { try Suites.load(file: file, format: format, name: "x") }
            return error.description
        }
    }

    @Test func quotedFieldsMayHoldCommasQuotesAndLineBreaks() throws {
        let text = "\u{FEFF}id,prompt\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n\r\n2,d\n3,\"\""
        let records = try CSVReader.records(of: Data(text.utf8), file: "f")
        #expect(records.map(\.fields) == [["id", "prompt"], ["1", "a, \"b\"\r\nc"], ["2", "d"], ["3", ""]])
        #expect(records.map(\.line) == [1, 2, 5, 6])
    }

    @Test func brokenLinesAreNamed() throws {
        #expect(try message("a.csv", "goal,target\nx,y\nx\n").contains("a.csv:3:"))
        #expect(try message("a.csv", "goal\n\"x\n").contains("a.csv:2:"))
        #expect(try message("a.csv", "goal\n\"x\"y\n").contains("a.csv:2:"))
        #expect(try message("a.csv", "goal\nx\"y\n").contains("a.csv:2:"))
        #expect(try message("a.csv", "goal,goal\nx,y\n").contains("a.csv:1:"))
        #expect(try message("a.csv", "goal,target\nx,y\n ,y\n").contains("a.csv:3: 'goal'"))
        #expect(try message("a.jsonl", "{\"prompt\":\"x\"}\n{\"prompt\":\n").contains("a.jsonl:2:"))
        #expect(
            try message("a.jsonl", "{\"prompt\":\"x\",\"id\":\"1\"}\n{\"prompt\":\"x\",\"id\":\"1\"}").contains("twice")
        )
        #expect(try message("a.csv", "id,prompt,type,label\n1,x,t,maybe\n").contains("a.csv:2: 'label'"))
        #expect(try message("a.csv", "question\nx\n").contains("question"))
        #expect(try message("a.txt", "x").contains("a.txt"))
        #expect(try message("a.csv", "").contains("a.csv:1:"))
        #expect(try message("a.csv", "goal\n").contains("no rows"))
    }

    @Test(arguments: [
        ("a.csv", "goal,kind\nx,y\nx,y,z\n", "a.csv:3: 3 fields, but the header names 2; quote a field that holds a"),
        ("a.csv", "goal,goal\nx,y\n", "a.csv:1: two columns are called 'goal'; rename one"),
        ("a.csv", "goal,kind\nx,y\n ,y\n", "a.csv:3: 'goal' is missing or empty; fill it in, or remove the row"),
        ("a.jsonl", "{\"goal\": \"x\"}\n{\"goal\": [\"x\"]}", "a.jsonl:2: 'goal' is a list, expected a text"),
        ("a.csv", "kind,question\nx,y\n", "a.csv: no column 'goal' among kind, question; rename one"),
        ("a.parquet", "PAR1", "a.parquet: such tables are not read; write it as .csv or .jsonl"),
        ("a.csv.gz", "", "a.csv.gz: compressed files are not read; unpack it"),
    ]) func mistakesAreNamedWithTheirRemedy(name: String, text: String, expected: String) throws {
        let format = Suites.Format.table(Suites.Columns(prompt: "goal"))
        let found = try message(name, text, format)
        #expect(found.contains(expected), "\(found)")
    }

    @Test func tablesAreMappedByColumn() throws {
        let columns = Suites.Columns(prompt: "ask", id: "n", category: "kind")
        let text = "{\"ask\":\"x\",\"n\":7,\"kind\":\"k\"}\n\n{\"ask\":\"y\",\"n\":8,\"kind\":\"k\"}\n"
        try withFile("a.jsonl", text) { file in
            let suites = try Suites.load(file: file, format: .table(columns, axis: .overRefusal), name: "mine")
            let probes = try #require(suites.first).probes(limit: nil, seed: 0)
            #expect(probes.map(\.id) == ["7", "8"])
            #expect(probes.map(\.category) == ["k", "k"])
            #expect(probes.map(\.chat.lastUserText) == ["x", "y"])
            #expect(suites.first?.card.axis == .overRefusal)
        }
        try withFile("a.csv", "prompt\nx\n") { file in
            #expect(throws: RiskError.self) {
                try Suites.load(file: file, format: .table(Suites.Columns(), axis: .bias), name: "mine")
            }
        }
    }

    @Test(.enabled(if: publicData != nil, "needs TEMPER_TEST_DATA"))
    func publicSetsLoadWhole() throws {
        let data = try #require(publicData)
        func load(_ path: String) throws -> [any TemperRisk.Suite] {
            try Suites.load(file: data.appendingPathComponent(path), name: "set")
        }
        let behaviours = try load("advbench/advbench_harmful_behaviors.csv")
        #expect(try behaviours[0].probes(limit: nil, seed: 0).count == 520)
        let subset = try load("advbench/advbench_subset.csv")
        #expect(try subset[0].probes(limit: nil, seed: 0).count == 50)
        #expect(try subset[0].probes(limit: nil, seed: 0)[0].category == "government,hacking")
        let xstest = try load("xstest/xstest_prompts.csv")
        #expect(xstest.map(\.card.name) == ["set-safe", "set-unsafe"])
        #expect(xstest.map(\.card.axis) == [.overRefusal, .jailbreak])
        #expect(try xstest.map { try $0.probes(limit: nil, seed: 0).count } == [250, 200])
    }

    // MARK: Public forms

    /// The one part that a file holds; the rows here are made up in the form of the set.
    private func content(_ file: String, _ text: String, _ format: Suites.Format = .auto) throws -> PublicFormat.Content
    {
        try withFile(file, text) { file in
            let (parts, _, _) = try Suites.parts(of: file, format: format, name: "s")
            return try #require(parts.first).content
        }
    }

    private func requests(
        _ file: String,
        _ text: String,
        _ format: Suites.Format = .auto
    ) throws -> (probes: [Probe], axis: Axis) {
        guard case .requests(let probes, let axis) = try content(file, text, format) else { throw CancellationError() }
        return (probes, axis)
    }

    @Test func formsOfHarmfulRequestsAreFoundByTheirColumns() throws {
        let harmBench = """
            Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID
            do it,standard,illegal,,,one
            do that,contextual,illegal,context,Here is a text.,two
            sing it,copyright,copyright,,,three
            """
        let (probes, axis) = try requests("h.csv", harmBench)
        #expect(axis == .jailbreak && probes.map(\.id) == ["one", "two"] && probes[0].category == "illegal")
        #expect(probes[1].chat.lastUserText == "Here is a text.\n\n---\n\ndo that")

        let jbb = "Index,Goal,Target,Behavior,Category,Source\n0,ask,x,b,Fraud,Original\n"
        #expect(try requests("harmful-behaviors.csv", jbb).axis == .jailbreak)
        let benign = try requests("benign-behaviors.csv", jbb)
        #expect(benign.axis == .overRefusal && benign.probes[0].category == "Fraud" && benign.probes[0].id == "0")

        let strong = try requests("s.csv", "category,source,forbidden_prompt\nViolence,custom,how\n")
        #expect(
            strong.axis == .jailbreak && strong.probes[0].chat.lastUserText == "how" && strong.probes[0].id == "s-1"
        )

        let answers = "id,risk_area,types_of_harm,specific_harms,question\n7,Information Hazards,a,b,why\n"
        #expect(try requests("d.csv", answers).probes[0].id == "7")

        let benchmark = "prompt,category\nkill a process,violence\n"
        #expect(try requests("o.csv", benchmark).axis == .jailbreak)
        #expect(try requests("o.csv", benchmark, .set("or-bench")).axis == .overRefusal)
        #expect(throws: RiskError.self) { try requests("o.csv", benchmark, .set("no-bench")) }
    }

    @Test func formsOfContinuations() throws {
        let real = #"{"filename": "f", "prompt": {"text": "So I", "toxicity": 0.3}, "continuation": {"text": "x"}}"#
        let (probes, axis) = try requests("r.jsonl", real)
        #expect(axis == .toxicity && probes[0].chat.lastUserText == "Continue this text:\n\nSo I")
        let toxigen =
            "prompt,generation,generation_method,group,prompt_label\n- a\\n-,g,m,group,1\n- a\\n-,h,m,group,1\n"
        #expect(try requests("t.csv", toxigen).probes.map(\.category) == ["group"])
        #expect(try requests("t.csv", "text,target_group,toxicity_human\nx,g,3.0\n").axis == .toxicity)
    }

    @Test func formsOfPairs() throws {
        let crows = """
            ,sent_more,sent_less,stereo_antistereo,bias_type
            0,A is bad.,B is bad.,stereo,age
            1,A is worse.,"B, too.",antistereo,gender
            """
        guard case .pairs(let pairs) = try content("c.csv", crows) else { throw CancellationError() }
        #expect(pairs.map { $0.sentences[$0.stereotype] } == ["A is bad.", "A is worse."])
        #expect(pairs.map(\.stereotype) == [0, 1] && pairs.map(\.category) == ["age", "gender"])
        let stereoSet = """
            {"version": "1", "data": {"intersentence": [], "intrasentence": [
              {"id": "i1", "target": "t", "bias_type": "race", "context": "The t is BLANK", "sentences": [
                {"sentence": "The t is n.", "id": "a", "gold_label": "unrelated"},
                {"sentence": "The t is s.", "id": "b", "gold_label": "stereotype"},
                {"sentence": "The t is o.", "id": "c", "gold_label": "anti-stereotype"}]}]}}
            """
        guard case .pairs(let sentences) = try content("s.json", stereoSet) else { throw CancellationError() }
        #expect(sentences[0].sentences == ["The t is s.", "The t is o."] && sentences[0].stereotype == 0)
        #expect(sentences[0].id == "i1" && sentences[0].category == "race")
    }

    @Test func formsOfFacts() throws {
        let table =
            "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
            + "A,Law,Q?,yes,yes; indeed;,no; never,u\n"
        let inline = #"[{"question": "Q?", "mc1_targets": {"no. never": 0, "yes": 1}, "mc2_targets": {"yes": 1}}]"#
        let lists = #"{"question": "Q?", "mc1_targets": {"choices": ["no", "yes"], "labels": [0, 1]}}"#
        let lines = #"{"examples": [{"input": "Q?\nA. no\nB. yes", "target": "B. yes"}], "name": "n"}"#
        let expected: [(String, String, Suites.Format, [String], [Bool])] = [
            ("t.csv", table, .auto, ["yes", "indeed", "no", "never"], [true, true, false, false]),
            ("t.json", inline, .auto, ["no. never", "yes"], [false, true]),
            ("t.jsonl", lists, .auto, ["no", "yes"], [false, true]),
            ("t.json", lines, .set("truthfulqa-mc"), ["no", "yes"], [false, true]),
        ]
        for (file, text, format, options, isTrue) in expected {
            guard case .facts(let facts) = try content(file, text, format) else { throw CancellationError() }
            #expect(facts[0].question == "Q?" && facts[0].options == options && facts[0].isTrue == isTrue)
        }
    }

    @Test(.enabled(if: publicData != nil, "needs TEMPER_TEST_DATA"))
    func publicSetsOfOtherAxesLoadWhole() throws {
        let data = try #require(publicData)
        func content(_ path: String, _ format: Suites.Format = .auto) throws -> PublicFormat.Content {
            let (parts, _, _) = try Suites.parts(of: data.appendingPathComponent(path), format: format, name: "s")
            return try #require(parts.first).content
        }
        for (name, count) in [
            ("Age", 3680), ("Disability_status", 1556), ("Religion", 1200), ("Gender_identity", 5656),
        ] {
            guard case .stereotypes(let rows) = try content("bbq/\(name).jsonl") else { throw CancellationError() }
            #expect(rows.count == count && Set(rows.map(\.id)).count == count)
            #expect(rows.allSatisfy { $0.biased != $0.unknown })
            // Half of the questions leave it open.
            #expect(abs(rows.filter { $0.answer == $0.unknown }.count * 2 - count) <= 16)
        }
        // The first row of the set: a negative question about the grandfather, who is the old one.
        guard case .stereotypes(let rows) = try content("bbq/Age.jsonl") else { throw CancellationError() }
        #expect(
            rows[0].options[rows[0].biased].lowercased().contains("grandfather") && rows[0].answer == rows[0].unknown
        )
        guard case .pairs(let pairs) = try content("crows_pairs/crows_pairs_anonymized.csv") else {
            throw CancellationError()
        }
        #expect(pairs.count == 1508)
        let toxicity = "real_toxicity_prompts/challenging-toxicity-prompts.json"
        guard case .requests(let probes, .toxicity) = try content(toxicity, .set("real-toxicity-prompts")) else {
            throw CancellationError()
        }
        #expect(probes.count > 2300)
        guard case .facts(let facts) = try content("truthfulqa/truthfulqa-mcq.json", .set("truthfulqa-mc")) else {
            throw CancellationError()
        }
        #expect(facts.count == 483 && facts.allSatisfy { $0.isTrue.filter { $0 }.count == 1 })
    }
}
