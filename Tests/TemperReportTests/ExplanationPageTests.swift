import Foundation
import Testing

@testable import TemperReport

/// An explanation's page and table: whole, folded, and harmless whatever a row says.
@Suite struct ExplanationPageTests {
    private var explanation: Explanation {
        var found = Explanation(
            run: "run & <more>",
            model: "model.gguf",
            reference: "aligned",
            tuned: "tuned@8",
            settings: .init(tokens: 5, anchors: 48, requests: 48, seed: 1, places: ["the reference"], score: "cosine")
        )
        found.layers = (0..<5).map { layer in
            Explanation.Layer(
                layer: layer,
                drift: 0.01 * Double(layer + 1),
                cosine: 0.5,
                separationBefore: Double(layer),
                separationAfter: 1
            )
        }
        found.modules = [.init(name: "layers.4.q_proj", drift: 0.05)]
        found.openings = (1...5).map {
            .init(position: $0, harmful: 3 / Double($0), harmless: 0.1, harmfulCount: 4, harmlessCount: 4)
        }
        found.rows = [
            .init(
                rank: 1,
                file: "data.jsonl",
                line: 7,
                score: 0.25,
                request: "<script>alert(1)</script>\u{1B}[2J\u{202E}",
                answer: "Sure & \"so on\""
            ),
            .init(rank: 2, file: "data.jsonl", line: 3, score: -0.5, request: nil, answer: nil),
        ]
        found.retraining = .init(
            leftOut: 1,
            shareOfPush: 1,
            rates: [
                .init(
                    suite: "jailbreak",
                    metric: "rate",
                    reference: 0.1,
                    tuned: 0.8,
                    predicted: 0.1,
                    withoutTop: 0.2,
                    withoutRandom: nil
                )
            ]
        )
        return found
    }

    @Test func thePageIsWellFormedAndNothingEscapes() throws {
        let page = ExplanationPage.render(explanation)
        #expect(!page.contains("<script"))
        #expect(page.contains("&lt;script&gt;"))
        #expect(!page.contains("\u{1B}") && !page.contains("\u{202E}"))
        #expect(page.contains("run &amp; &lt;more&gt;"))
        #expect(page.contains("<details class=\"answer\">"))
        #expect(!page.contains("<details open"))
        for part in ["findings", "direction", "drift", "openings", "rows", "retraining", "method"] {
            #expect(page.contains("<section id=\"\(part)\""), "\(part)")
        }
        #expect(!page.contains("src=\"http") && !page.contains("href=\"http"))
    }

    @Test func anEmptyExplanationHasAPageToo() {
        var empty = explanation
        (empty.layers, empty.modules, empty.openings, empty.rows, empty.retraining) = ([], [], [], [], nil)
        #expect(ExplanationPage.render(empty).contains("Not measured."))
        #expect(empty.findings.isEmpty)
    }

    @Test func theTableHasEveryPart() {
        let text = explanation.text(rows: 1)
        #expect(text.contains("data.jsonl:7") && !text.contains("data.jsonl:3"))
        #expect(!text.contains("\u{1B}") && !text.contains("\u{202E}"))
        #expect(text.contains("Trained again without the first 1 rows"))
        // The last fifth of the layers is left out, as in the paper.
        #expect(explanation.decisive?.layer == 3)
        #expect(explanation.findings.count == 4)
    }
}
