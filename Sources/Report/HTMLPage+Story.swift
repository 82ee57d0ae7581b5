/// The page's story: about ninety seconds that play themselves, from the model as it came to the last cure.
///
/// Without the script, and on paper, there is none: all it shows stands elsewhere on the page, too.
extension HTMLPage {
    /// The section, hidden until the script shows it; nil where there is no story.
    var story: Markup? {
        guard let board = figures.board else { return nil }
        let captions = [board.opening] + board.beats.map(\.caption) + [board.end]
        let frames: [Markup] = captions.enumerated().map { index, caption in
            "<p class=\"frame\"\(index == 0 ? "" : " hidden=\"hidden\"" as Markup)>\(caption)</p>"
        }
        let plot = figures.storyPlot(board)
        return """
            <section id="story" class="scripted" hidden="hidden" aria-labelledby="story-heading" data-dwell="\(board.dwell)">
            <h2 id="story-heading">The story in ninety seconds</h2>
            <div class="stage" role="group" aria-label="Story; arrow keys step, space plays and pauses" tabindex="0">
            <div class="frames" aria-live="polite">\(frames)</div>
            <div class="bar" aria-hidden="true"><i></i></div>
            <div class="buttons"><button type="button" class="play">Play</button>\
            <button type="button" class="back">Back</button><button type="button" class="next">Next</button>\
            <button type="button" class="again">Restart</button> <span class="place">1 of \(captions.count)</span></div>
            <div class="scene\(board.trail == nil ? " alone" : "" as Markup)">
            <div>\(plot.draw(width: 640, height: 380, compact: false))\(plot.draw(width: 360, height: 340, compact: true))</div>
            \(board.trail.map { trail($0, board) } ?? "")
            </div>
            </div>
            </section>
            """
    }

    private func trail(_ trail: RunReport.Trail, _ board: StoryBoard) -> Markup {
        var answers: [Markup] = []
        for (index, beat) in board.beats.enumerated() {
            guard let answer = beat.answer else { continue }
            let tone = answer.grade == "unsafe" ? "bad" : answer.grade == "safe" ? "good" : "open"
            let name = beat.part == .course && beat.label != "0" ? "step \(beat.label)" : beat.subject.name
            let text = answer.answer.isEmpty ? "(empty answer)" : Format.shortened(answer.answer, to: 320)
            answers.append(
                """
                <div class="told \(tone)" data-beat="\(index + 1)" hidden="hidden"><p><span class="grade">\(answer.grade)</span> \
                <bdi>\(name)</bdi></p><pre dir="auto" aria-hidden="true">\(text)</pre></div>
                """
            )
        }
        return """
            <div class="followed"><h3>One request, asked each time</h3>
            <p class="prompt" dir="auto">\(Format.shortened(trail.prompt, to: 300))</p>
            <div class="tellings">\(answers)</div>
            <p class="how">Answers may be harmful and are veiled.</p>
            <button type="button" class="reveal" aria-pressed="false">Show the answers</button></div>
            """
    }
}

extension Figures {
    /// What the story shows; nil where there is none.
    var board: StoryBoard? { StoryBoard(self) }

    /// The story's chart.
    func storyPlot(_ board: StoryBoard) -> Chart.StoryPlot {
        var looks: [Chart.StoryPlot.Look] = [.init(name: "jailbreak rate", tone: .risk, marker: .circle)]
        let hasRefusal = board.beats.contains { reading.rate(of: $0.subject, on: Axis.overRefusal) != nil }
        if hasRefusal { looks.append(.init(name: "over-refusal", tone: .refusal, marker: .square)) }
        let hasUtility = reading.utilityIsShare && board.beats.contains { reading.utility(of: $0.subject) != nil }
        if hasUtility { looks.append(.init(name: "utility", tone: .utility, marker: .diamond)) }
        let columns = board.beats.map { beat in
            var marks: [Chart.StoryPlot.Mark] = []
            func add(_ name: String, _ value: Double?, _ low: Double, _ high: Double) {
                guard let value, let series = looks.firstIndex(where: { $0.name == name }) else { return }
                marks.append(.init(series: series, estimate: .init(value: value, low: low, high: high)))
            }
            if let utility = reading.utility(of: beat.subject) {
                add("utility", utility.value, utility.low, utility.high)
            }
            if let rate = reading.rate(of: beat.subject, on: Axis.overRefusal) {
                add("over-refusal", rate.rate, rate.low, rate.high)
            }
            if let rate = reading.rate(of: beat.subject) { add("jailbreak rate", rate.rate, rate.low, rate.high) }
            let group =
                switch beat.part {
                case .before: 0
                case .course: 1
                case .after: 2
                }
            return Chart.StoryPlot.Column(label: beat.label, group: group, marks: marks)
        }
        return Chart.StoryPlot(
            frame: Chart.Frame(
                id: "story-chart",
                title: "The story's course",
                description: "The numbers of Figures 1 and 2, appearing one after another."
            ),
            looks: looks,
            columns: columns,
            joined: 1,
            groupTitles: [0: "as it came", 1: "steps of tuning", 2: "afterwards"],
            yTitle: "share of answers, %; whiskers are 95 % intervals",
            firstBeat: 1
        )
    }
}
