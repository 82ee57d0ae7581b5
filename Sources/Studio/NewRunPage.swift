import TemperReport

/// The way to a new run: a form that writes a recipe, and the recipe itself, to read, to change and to start.
enum NewRunPage {
    /// The form.
    static func form(_ choices: RecipeChoices) -> Page {
        let models: [Markup] = choices.models.map { "<option value=\"\($0)\"></option>" }
        let data: [Markup] = choices.data.map { "<option value=\"\($0)\"></option>" }
        let suites: [Markup] = choices.suites.map { choice in
            Piece.box(
                "suite",
                choice.name,
                "<b>\(choice.name)</b> <small>\(choice.title)</small>",
                isOn: ["jailbreak", "over-refusal", "ordinary"].contains(choice.name)
            )
        }
        let defences: [Markup] = choices.defences.map { choice in
            Piece.box("defence", choice.name, "<b>\(choice.name)</b> <small>\(choice.title)</small>", isOn: false)
        }
        return Page(
            title: "New run",
            place: .new,
            content: """
                <h1>New run</h1>
                <p class="how">The form writes a recipe; nothing starts before you have seen it.</p>
                <form class="recipe" method="post" action="/new">
                <div class="filter">
                \(Piece.input("name", "Name of the run", value: "", hint: "letters, digits, . _ -"))
                \(Piece.input("model", "Model", value: choices.models.first ?? "", hint: "a file, a folder or ORG/NAME", list: "models"))
                \(Piece.input("data", "Data for tuning", value: choices.data.first ?? "", hint: "embedded:NAME or a file", list: "data"))
                \(Piece.input("steps", "Most steps", value: "64", hint: "64"))
                \(Piece.input("rate", "Learning rate", value: "0.0002", hint: "0.0002"))
                \(Piece.input("limit", "Probes per suite", value: "60", hint: "all"))
                </div>
                <datalist id="models">\(models)</datalist><datalist id="data">\(data)</datalist>
                <fieldset class="boxes"><legend>Alignment</legend>\
                \(Piece.box("align", "yes", "Align the model first, on the embedded data", isOn: true))</fieldset>
                <fieldset class="boxes columns2"><legend>Suites</legend>\(suites)</fieldset>
                <fieldset class="boxes columns2"><legend>Defences</legend>\(defences)</fieldset>
                <p class="actions"><button type="submit">Write the recipe</button></p>
                </form>
                """
        )
    }

    /// The recipe; `problem` says why it cannot be used as it stands.
    static func recipe(_ yaml: String, problem: String?) -> Page {
        let message: Markup =
            problem.map { "<p class=\"problem\" role=\"alert\" id=\"problem\">\($0)</p>" }
            ?? "<p class=\"how\">The recipe can be used. You may change it; it is checked again when it starts.</p>"
        let described: Markup = problem == nil ? "" : " aria-describedby=\"problem\" aria-invalid=\"true\""
        return Page(
            title: "New run",
            place: .new,
            content: """
                <h1>The recipe</h1>
                \(message)
                <form method="post" action="/start">
                <label class="field wide"><span>Recipe</span>\
                <textarea name="recipe" rows="24" class="code" spellcheck="false"\(described)>
                \(yaml)</textarea></label>
                <p class="actions"><button type="submit">Start the run</button> <a href="/new">Back to the form</a></p>
                </form>
                """
        )
    }
}
