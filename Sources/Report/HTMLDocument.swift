/// The frame of a page that needs nothing else: no network, no fonts, no files.
///
/// A content security policy forbids everything but the inline style sheet and, where there is one, a script that is known
/// by its hash. It knows nothing about what the sections say.
struct HTMLDocument {
    typealias Section = (id: String, title: String, content: Markup)

    /// What the window and a list of pages show.
    let title: String
    /// Where the link for those who use a keyboard leads to, in words.
    let skip: String
    let header: Markup
    /// What stands before the sections, and the link to it.
    var opening: (content: Markup, link: Markup)?
    let sections: [Section]
    let footer: Markup
    /// A script and the SHA-256 of its text, in base64.
    var script: (text: Markup, hash: String)?

    /// The whole page.
    var text: String {
        let allowed: Markup = script.map { " script-src 'sha256-\($0.hash)';" } ?? ""
        let inline: Markup = script.map { "<script>\($0.text)</script>" } ?? ""
        let markup: Markup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta http-equiv="Content-Security-Policy" \
            content="default-src 'none';\(allowed) style-src 'unsafe-inline'; img-src data:"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <meta name="referrer" content="no-referrer"/>
            <title>\(title)</title>
            <style>
            \(StyleSheet.markup)
            </style>
            </head>
            <body>
            <a class="skip" href="#main">\(skip)</a>
            \(header)
            \(navigation)
            <main id="main" tabindex="-1">
            \(opening?.content ?? "")
            \(body)
            </main>
            <footer><p>\(footer)</p></footer>
            \(inline)</body>
            </html>

            """
        return markup.text
    }

    /// Links to the sections.
    private var navigation: Markup {
        let links: [Markup] = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" }
        return "<nav aria-label=\"Sections\"><ul>\(opening?.link ?? "")\(links)</ul></nav>"
    }

    private var body: Markup {
        Markup(
            joining: sections.map { section in
                """
                <section id="\(section.id)" aria-labelledby="\(section.id)-heading">
                <h2 id="\(section.id)-heading">\(section.title)</h2>
                \(section.content)
                </section>
                """
            }
        )
    }
}
