import TemperReport

/// The way to a new run: a form that writes a recipe, and the recipe itself, to read, to change and to start.
enum NewRunPage {
    /// What stands in the form before anybody has filled it in.
    static func blank(_ choices: RecipeChoices) -> RecipeForm {
        var form = RecipeForm()
        form.model = choices.models.first ?? ""
        form.data = choices.data.first ?? ""
        (form.steps, form.learningRate, form.limit) = ("64", "0.0002", "60")
        form.suites = ["jailbreak", "over-refusal", "ordinary"]
        form.aligns = true
        return form
    }

    /// The form as it was filled in, with what is wrong at each entry.
    static func form(
        _ choices: RecipeChoices,
        _ filled: RecipeForm,
        _ problems: [RecipeForm.Field: String] = [:]
    ) -> Page {
        func input(_ field: RecipeForm.Field, _ value: String, hint: String, list: String = "") -> Markup {
            Piece.input(
                field.rawValue,
                field.title,
                value: value,
                hint: hint,
                list: list,
                problem: problems[field]
            )
        }
        func boxes(_ field: RecipeForm.Field, _ choices: [RecipeChoices.Choice], _ chosen: [String]) -> Markup {
            let boxes: [Markup] = choices.map { choice in
                Piece.box(
                    field.rawValue,
                    choice.name,
                    "<b>\(choice.name)</b> <small>\(choice.title)</small>",
                    isOn: chosen.contains(choice.name)
                )
            }
            return """
                <fieldset class="boxes columns2"><legend>\(field.title)</legend>\
                \(Piece.problem(problems[field], with: field.rawValue))\(boxes)</fieldset>
                """
        }
        let models: [Markup] = choices.models.map { "<option value=\"\($0)\"></option>" }
        let data: [Markup] = choices.data.map { "<option value=\"\($0)\"></option>" }
        let wrong = RecipeForm.Field.allCases.filter { problems[$0] != nil }.map(\.title)
        let alert: Markup =
            wrong.isEmpty
            ? "" : "<p class=\"problem\" role=\"alert\">To be mended: \(wrong.joined(separator: ", ")).</p>"
        return Page(
            title: "New run",
            place: .new,
            content: """
                <h1>New run</h1>
                <p class="how">The form writes a recipe; nothing starts before you have seen it.</p>
                \(alert)
                <form class="recipe" method="post" action="/new">
                <div class="filter entries">
                \(input(.name, filled.name, hint: "letters, digits, . _ -"))
                \(input(.model, filled.model, hint: "a file, a folder or ORG/NAME", list: "models"))
                \(input(.data, filled.data, hint: "embedded:NAME or a file", list: "data"))
                \(input(.steps, filled.steps, hint: "64"))
                \(input(.rate, filled.learningRate, hint: "0.0002"))
                \(input(.limit, filled.limit, hint: "all"))
                </div>
                <datalist id="models">\(models)</datalist><datalist id="data">\(data)</datalist>
                <fieldset class="boxes"><legend>Alignment</legend>\
                \(Piece.box("align", "yes", "Align the model first, on the embedded data", isOn: filled.aligns))</fieldset>
                \(boxes(.suite, choices.suites, filled.suites))
                \(boxes(.defence, choices.defences, filled.defences))
                <p class="actions"><button type="submit">Write the recipe</button></p>
                </form>
                """
        )
    }

    /// The recipe; `problem` says why it cannot be used as it stands, `form` is what it was written from.
    static func recipe(_ yaml: String, problem: String?, of form: Query) -> Page {
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
                <input type="hidden" name="form" value="\(form.encoded)"/>
                <label class="field wide"><span>Recipe</span>\
                <textarea name="recipe" rows="24" class="code" spellcheck="false"\(described)>
                \(yaml)</textarea></label>
                <p class="actions"><button type="submit">Start the run</button> \
                <a href="/new\(form.items.isEmpty ? "" : "?\(form.encoded)")">Back to the form</a></p>
                </form>
                """
        )
    }
}

extension RecipeForm {
    /// What a browser sends of it.
    init(_ query: Query) {
        self.init()
        name = query.text(Field.name.rawValue)
        model = query.text(Field.model.rawValue)
        data = query.text(Field.data.rawValue)
        steps = query.text(Field.steps.rawValue)
        learningRate = query.text(Field.rate.rawValue)
        limit = query.text(Field.limit.rawValue)
        suites = query.all(Field.suite.rawValue)
        defences = query.all(Field.defence.rawValue)
        aligns = query["align"] != nil
    }
}

extension RecipeForm.Field {
    /// What people read.
    fileprivate var title: String {
        switch self {
        case .name: "Name of the run"
        case .model: "Model"
        case .data: "Data for tuning"
        case .steps: "Most steps"
        case .rate: "Learning rate"
        case .limit: "Probes per suite"
        case .suite: "Suites"
        case .defence: "Defences"
        }
    }
}
