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
