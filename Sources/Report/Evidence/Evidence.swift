public import Foundation

/// The files that carry a run's findings into other tools, made from the report alone.
public enum Evidence {
    /// One file.
    public struct File: Sendable {
        /// Its path below the report's folder.
        public var path: String
        /// Its bytes.
        public var data: Data

        init(_ path: String, _ text: String) { self.init(path, Data(text.utf8)) }

        init(_ path: String, _ data: Data) {
            self.path = path
            self.data = data
        }
    }

    /// All files of a report; the same bytes for the same report. `program` is the version of Temper.
    public static func files(_ report: RunReport, program: String) -> [File] {
        let reading = Reading(report)
        return [
            File("README.md", ModelCard(reading: reading, program: program).text),
            File("bom.cdx.json", BillOfMaterials(reading: reading, program: program).text),
            File("avid.json", AVIDReport(reading: reading).text),
            File("trainer_state.json", TrainerState(reading: reading).text),
            File("tensorboard/events.out.tfevents.temper", TensorBoardEvents(reading: reading).data),
        ] + LMEvaluationResults(reading: reading, program: program).files
            + InspectLogs(reading: reading, program: program).files
    }

    /// Where what is for which tool lies below the report's folder, and what it holds.
    static func index(_ reading: Reading) -> [(path: String, tool: String, content: String)] {
        var index: [(path: String, tool: String, content: String)] = [
            ("README.md", "Hugging Face", "model card with a model index"),
            ("bom.cdx.json", "CycloneDX 1.6", "bill of materials: models, data, metrics"),
            ("avid.json", "AI Vulnerability Database (AVID)", "report"),
            ("trainer_state.json", "Hugging Face Trainer", "losses, and the safety of every checkpoint"),
            ("tensorboard/", "TensorBoard", "losses, and the safety of every checkpoint"),
        ]
        // Where nothing was assessed, these two have no file.
        if !reading.principal.isEmpty {
            index.append(("lm-eval/", "lm-evaluation-harness", "results of the principal subjects"))
            index.append(("inspect/", "Inspect", "logs of the principal subjects by suite, without samples"))
        }
        return index
    }

    /// A name that can stand in a path on every system.
    static func fileName(_ name: String) -> String {
        let safe = name.unicodeScalars.map { scalar in
            let isPlain =
                scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789._-@".unicodeScalars.contains(scalar))
            return isPlain ? Character(scalar) : "_"
        }
        let text = String(String(safe).drop { $0 == "." }.prefix(80))
        return text.isEmpty ? "_" : text
    }

    /// A version-4-shaped identifier that is the same for the same text (FNV-1a in two halves; it is no secret).
    static func identifier(_ text: String) -> String {
        func hash(_ seed: UInt64) -> UInt64 {
            text.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        let (high, low) = (hash(0xCBF2_9CE4_8422_2325), hash(0x9AE1_6A3B_2F90_404F))
        let digits = [high, low].map { value in
            let hex = String(value, radix: 16)
            return String(repeating: "0", count: 16 - hex.count) + hex
        }.joined()
        var characters = Array(digits)
        characters[12] = "4"
        characters[16] = "8"
        let text = String(characters)
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { range in
            String(Array(text)[range])
        }
        return parts.joined(separator: "-")
    }
}

extension Reading {
    /// What a subject was measured on: its axes in the report's order, then its utility, always as a rate.
    func measuredRates(of subject: RunReport.Subject) -> [(key: String, metric: String, rate: RunReport.Rate)] {
        var result = axes.compactMap { key -> (key: String, metric: String, rate: RunReport.Rate)? in
            rate(of: subject, on: key).map { (key, suite(key)?.metric ?? "rate", $0) }
        }
        if let utility = utility(of: subject) {
            let rate = RunReport.Rate(
                rate: utility.value,
                n: utility.n,
                low: utility.low,
                high: utility.high,
                unscored: utility.unscored
            )
            result.append((Axis.utility, utility.metric, rate))
        }
        return result
    }

    /// The subject that a release would be made of: the best defence where one qualifies, else what was tuned, else the base.
    var released: RunReport.Subject? {
        if let best = BestDefence(self), best.qualifies { return best.subject }
        return tuned ?? reference
    }
}
