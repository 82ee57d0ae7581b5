import TemperLedger
import TemperReport

/// The box that talks to several models of a run at once. The conversation lives in the page alone.
struct ChatPage {
    let run: RunDirectory
    let status: RunStatus?
    let partners: [ChatPartner]

    var page: Page {
        Page(
            title: "\(run.name): chat",
            run: Page.OfRun(name: run.name, status: status, here: "chat"),
            content: content
        )
    }

    private var content: Markup {
        guard !partners.isEmpty else {
            return "<p class=\"none\">The models of this run are not at hand.</p>"
        }
        let boxes: [Markup] = partners.map { partner in
            Piece.box("partner", partner.id, "<bdi>\(partner.title)</bdi>", isOn: partner.isSuggested)
        }
        return """
            <p class="how">Every model gets the same words and answers in turn; the likeliest token is always taken. \
            A model is loaded when it is first asked.</p>
            <div id="exchanges" role="log" aria-label="Conversation" tabindex="0"></div>
            <form id="chat" data-chat="\(Piece.path(run.name, "chat"))">
            <fieldset class="boxes"><legend>Who answers</legend>\(boxes)</fieldset>
            <label class="field wide"><span>Your words</span><textarea name="words" rows="3" required=""></textarea></label>
            <p class="actions"><button type="submit">Ask</button> <button type="button" id="again">Begin anew</button> \
            <span class="how">Ctrl and Enter asks.</span></p>
            </form>
            <noscript><p class="problem">This page needs its script to talk to models.</p></noscript>
            """
    }
}
