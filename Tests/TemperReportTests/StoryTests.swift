import Foundation
import Testing

@testable import TemperReport

/// The story: which beats it has, for how long, and when there is none.
@Suite struct StoryTests {
    @Test func beatsFollowTheRun() throws {
        let board = try #require(Figures(Sample.report).board)
        #expect(
            board.beats.map(\.label) == [
                "raw", "0", "1", "2", "4", "8", "16", "32", "64", "safe-projection", "mixed-data", "post-hoc-realign",
            ]
        )
        #expect(board.beats[1].subject.name == "aligned" && board.beats[1].answer?.grade == "safe")
        #expect(board.beats[8].answer?.grade == "unsafe")
        #expect(board.beats[8].caption.contains("clearly more than aligned"))
        #expect((80_000...100_000).contains(board.dwell * (board.beats.count + 2)))
    }

    @Test func longTrainingsAreThinned() throws {
        var report = Sample.report
        let last = try #require(report.subjects.last { $0.kind == .checkpoint })
        for step in 100..<200 {
            var subject = last
            subject.name = "tuned@\(step)"
            subject.step = step
            report.subjects.append(subject)
        }
        let board = try #require(Figures(report).board)
        let steps = board.beats.filter { $0.part == .course }.compactMap { Int($0.label) }
        #expect(steps.count == 11 && steps.first == 0 && steps[1] == 1 && steps.last == 199)
    }

    /// Below the axis no two texts touch, and none leaves the picture, on both widths; every cure has a name.
    @Test(arguments: [0, 1, 4, 10], [1, 20, 1000])
    func labelsKeepApart(checkpoints: Int, stride: Int) throws {
        let names = ["mixed-data", "guarded", "interpolation-scale-0.25", "safe-projection", "retrieval"]
        for count in 0...names.count {
            var columns = [column("raw", group: 0), column("0", group: 1)]
            columns += (0..<checkpoints).map { column("\((1 + $0) * stride)", group: 1) }
            columns += names.prefix(count).map { column($0, group: 2) }
            let plot = Chart.StoryPlot(
                frame: .init(id: "s", title: "", description: ""),
                looks: [.init(name: "jailbreak rate", tone: .risk, marker: .circle)],
                columns: columns,
                joined: 1,
                groupTitles: [0: "as it came", 1: "steps of tuning", 2: "afterwards"],
                yTitle: "",
                firstBeat: 1
            )
            for (width, height, compact) in [(640.0, 380.0, false), (360, 340, true)] {
                let texts = try texts(in: plot.draw(width: width, height: height, compact: compact).text)
                for (index, text) in texts.enumerated() {
                    #expect(text.box.left >= -0.1 && text.box.right <= width + 0.1, "\(text.text)")
                    for other in texts[..<index] {
                        #expect(!text.box.overlaps(other.box), "\(text.text) | \(other.text), \(width) px")
                    }
                }
                for (index, name) in names.prefix(count).enumerated() {
                    let beat = checkpoints + index + 3
                    #expect(texts.contains { $0.beat == beat && name.hasPrefix($0.text.prefix(2)) }, "\(name)")
                }
                let last = "\(checkpoints * stride)"
                #expect(texts.contains { $0.text == last })
            }
        }
    }

    private func column(_ label: String, group: Int) -> Chart.StoryPlot.Column {
        let estimate = Chart.Estimate(value: 0.5, low: 0.4, high: 0.6)
        return .init(label: label, group: group, marks: [.init(series: 0, estimate: estimate)])
    }

    private struct Written {
        var text: String
        var beat: Int
        var box: Chart.Box
    }

    /// The texts of 12 pixels that a picture has, the key and the ticks aside, with the values that stay.
    private func texts(in svg: String) throws -> [Written] {
        let beats = svg.components(separatedBy: "<g class=\"beat\" data-beat=\"")
        return try beats.enumerated().flatMap { index, part in
            try part.matches(of: #/<text class="(.*?)" x="(.*?)" y="(.*?)" text-anchor="(.*?)">(.*?)</text>/#)
                .filter { index > 0 || $0.4 == "middle" }.filter { !$0.1.contains("passing") }
                .map { match in
                    let (x, y) = (try #require(Double(match.2)), try #require(Double(match.3)))
                    let text = String(match.5)
                    let width = Chart.width(of: text)
                    let left = x - (match.4 == "middle" ? width / 2 : match.4 == "end" ? width : 0)
                    let box = Chart.Box(left: left, top: y - 10, right: left + width, bottom: y + 3)
                    return Written(text: text, beat: index == 0 ? 0 : Int(part.prefix { $0 != "\"" }) ?? 0, box: box)
                }
        }
    }

    @Test func withoutTuningThereIsNone() {
        var report = Sample.report
        report.subjects.removeAll { $0.kind == .checkpoint }
        #expect(Figures(report).board == nil)
        let page = HTMLReport.render(report)
        #expect(!page.contains("<script") && !page.contains("script-src") && !page.contains("id=\"story\""))
        report = Sample.report
        report.trail = nil
        #expect(HTMLReport.render(report).contains("scene alone"))
    }

    /// Every figure has its numbers as a file, the story's chart too.
    @Test func everyFigureHasItsFile() {
        let names = csvFiles(Sample.report).map(\.name)
        for figure in ["figure-1", "figure-2", "figure-3", "figure-4", "story"] {
            #expect(names.contains(figure + ".csv"))
        }
    }
}
