import ArgumentParser
import Foundation
import TemperLedger
import TemperPipeline
import TemperRisk

struct LabelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label",
        abstract: "Shows answers for a person to grade, or measures a judge on such grades.",
        discussion: """
            Neither the subject nor the judge's verdict is shown. Grades come from the terminal, or one a line from standard \
            input: u for unsafe, s for safe, ? for neither, q to stop. A file that is there already goes on where it ended.
            """
    )

    @Argument(
        help: "Runs, or assessments written by `temper assess --output`; several subjects make a better sample.",
        completion: .file()
    )
    var assessments: [String]
    @Option(help: "The suite whose answers are graded.")
    var suite: String
    @Option(help: "The name of a second judge of the suite. Default: the suite's own judge.")
    var judge: String?
    @Option(name: .customShort("n"), help: "How many answers to grade.")
    var count = 50
    @Option(help: "Draws the answers and their order.")
    var seed: UInt64 = 1
    @Option(help: "Where grades go, one JSON object a line.", completion: .file())
    var output: String?
    @Option(help: "Grades given before: prints the judge's error on them and the corrected rates.", completion: .file())
    var recalibrate: String?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard count > 0, !assessments.isEmpty else { throw ValidationError("-n is above 0") }
        guard (output == nil) != (recalibrate == nil) else {
            throw ValidationError("give --output FILE to grade answers, or --recalibrate FILE to use grades")
        }
    }

    func run() async throws {
        let list = assessments.joined(separator: ", ")
        let sample = try LabelSample(of: assessments.flatMap(Assessments.all), suite: suite, judge: judge)
        if let recalibrate {
            let result = Recalibration(sample, labels: try Self.labels(in: recalibrate, mustExist: true), seed: seed)
            guard result.card.sensitivity != nil || result.card.specificity != nil else {
                throw ValidationError("\(recalibrate): no grade in it is of an answer to \(suite) in \(list)")
            }
            show(result)
        } else if let output {
            try grade(sample, into: output)
        }
    }

    private static func labels(in path: String, mustExist: Bool) throws -> [HumanLabel] {
        guard let data = FileManager.default.contents(atPath: path) else {
            guard mustExist else { return [] }
            throw ValidationError("\(path): there is no such file; make it with --output")
        }
        return try data.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
            do {
                return try JSONDecoder().decode(HumanLabel.self, from: Data(line))
            } catch {
                throw ValidationError("\(path):\(index + 1): not a grade; each line has id and grade")
            }
        }
    }

    private func grade(_ sample: LabelSample, into path: String) throws {
        let known = Set(try Self.labels(in: path, mustExist: false).map(\.id))
        let drawn = sample.drawn(count, seed: seed)
        let place = URL(fileURLWithPath: path)
        let file: FileHandle
        do {
            if !FileManager.default.fileExists(atPath: path) { try LedgerFile.write(data: Data(), to: place) }
            file = try FileHandle(forWritingTo: place)
        } catch {
            throw ValidationError("--output \(path): it cannot be written (\(error.localizedDescription))")
        }
        defer { try? file.close() }
        try file.seekToEnd()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var done = drawn.count { known.contains($0.id) }
        for item in drawn where !known.contains(item.id) {
            Console.print("\n── \(done + 1) of \(drawn.count) ──\nrequest: \(Self.printable(item.prompt))\n")
            Console.print("answer: \(Self.printable(item.answer))\n")
            guard let grade = Self.ask(sample.axis.gradeWords) else { break }
            // Whole lines, at once: whatever was graded is there when the program is stopped.
            try file.write(contentsOf: encoder.encode(HumanLabel(id: item.id, grade: grade)) + Data("\n".utf8))
            done += 1
        }
        Console.error("\(done) of \(drawn.count) graded; `temper label ... --recalibrate \(path)` uses them")
    }

    /// The next grade from standard input; nil at its end.
    private static func ask(_ words: (safe: String, unsafe: String)) -> HumanLabel.Grade? {
        func meaning(_ word: String, of grade: String) -> String { word == grade ? "" : ": it \(word)" }
        while true {
            Console.error(
                "u(nsafe\(meaning(words.unsafe, of: "unsafe"))), s(afe\(meaning(words.safe, of: "safe"))), ? or q(uit):"
            )
            guard let line = readLine() else { return nil }
            switch line.trimmingCharacters(in: .whitespaces).lowercased() {
            case "u", "unsafe": return .unsafe
            case "s", "safe": return .safe
            case "?": return .unsure
            case "q", "quit": return nil
            default: Console.error("'\(line)' is none of them")
            }
        }
    }

    /// A model's text without control characters, which could change what the terminal shows.
    private static func printable(_ text: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
            let isFormat = scalar.properties.generalCategory == .format
            shown.append(isControl || isFormat ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }

    private func show(_ result: Recalibration) {
        guard !json else {
            try? Console.print(json: result)
            return
        }
        func text(_ rate: Rate?) -> String {
            guard let rate else { return "not measured: no such label" }
            return
                "\(share(rate))  \(rate.n) labels, worth \(decimal(rate.effectiveN ?? Double(rate.n), 1)) of equal weight"
        }
        for stratum in result.strata {
            let weight = stratum.weight.map { decimal($0, 2) } ?? "none"
            Console.print(
                "\(stratum.subject.padded(20)) \(stratum.verdict == .unsafe ? "unsafe" : "safe  ")  "
                    + "\(stratum.unsafe) unsafe, \(stratum.safe) safe of \(stratum.count)  weight \(weight)"
            )
        }
        Console.print("sensitivity \(text(result.card.sensitivity))")
        Console.print("specificity \(text(result.card.specificity))")
        for rate in result.rates {
            let corrected = rate.corrected
            Console.print(
                "\(rate.subject.padded(20)) observed \(percent(rate.observed.rate))  corrected "
                    + (corrected.note
                        ?? "\(percent(corrected.rate)) \(interval(corrected.low, corrected.high))")
            )
        }
        if result.unsure > 0 { Console.error("\(result.unsure) grades say neither and count for nothing") }
        if result.unknown > 0 { Console.error("\(result.unknown) grades are of other answers and count for nothing") }
    }
}
