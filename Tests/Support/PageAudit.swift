import Foundation

/// What a reader with a small screen, a keyboard or a screen reader needs of a page, asked of the page itself.
///
/// It knows nothing about what the page is about. Contrast follows WCAG 2.2: 4.5 to 1 for text, 3 to 1 for large text.
public struct PageAudit {
    private let browser: Browser

    /// Prepares the audit of the page that is open.
    public init(_ browser: Browser) { self.browser = browser }

    /// What is wrong with names, headings, ids, tables and the order in which the keyboard goes.
    public func structure() throws -> [String] {
        try browser.evaluate(
            """
            (() => {
              const found = [], seen = new Set();
              const shown = e => e.checkVisibility ? e.checkVisibility() : true;
              const name = e => (e.getAttribute("aria-label")
                || (e.getAttribute("aria-labelledby") || "").split(" ").map(i => i && document.getElementById(i)
                  ? document.getElementById(i).textContent : "").join(" ").trim()
                || e.textContent || e.getAttribute("title") || "").trim();
              const say = (what, e) => found.push(what + ": " + e.outerHTML.slice(0, 120));
              if (!document.documentElement.lang) found.push("no language");
              if (!document.title.trim()) found.push("no title");
              if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
              if (document.querySelectorAll("main").length !== 1) found.push("not one main");
              let level = 0;
              for (const h of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
                if (!shown(h)) continue;
                const own = Number(h.tagName[1]);
                if (own > level + 1) say("a heading skips a level", h);
                if (!h.textContent.trim()) say("an empty heading", h);
                level = own;
              }
              for (const e of document.querySelectorAll("[id]")) {
                if (seen.has(e.id)) say("an id twice", e);
                seen.add(e.id);
              }
              for (const e of document.querySelectorAll("svg[role=img],img,[role=region],[role=group],nav,section")) {
                if (shown(e) && !name(e)) say("no name", e);
              }
              for (const e of document.querySelectorAll("input,select,textarea")) {
                if (e.type !== "hidden" && !e.labels.length && !e.getAttribute("aria-label")
                  && !e.getAttribute("aria-labelledby")) say("no label", e);
              }
              for (const e of document.querySelectorAll("th")) if (!e.scope) say("a heading without scope", e);
              for (const e of document.querySelectorAll("table")) if (!e.caption) say("no caption", e);
              for (const e of document.querySelectorAll("a[href],button,summary,[tabindex]")) {
                if (shown(e) && !name(e)) say("a control without a name", e);
                if (e.tabIndex > 0) say("a place of its own in the keyboard's order", e);
              }
              return found;
            })()
            """
        ) as? [String] ?? ["no answer"]
    }

    /// Texts whose contrast with what is behind them is too small.
    public func contrast() throws -> [String] {
        try browser.evaluate(
            """
            (() => {
              const parse = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
              const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
              const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
              const over = (top, below, a) => [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a));
              const alpha = c => c.length > 3 ? c[3] : 1;
              const behind = e => {
                for (let n = e; n; n = n.parentElement) {
                  const c = parse(getComputedStyle(n).backgroundColor);
                  if (alpha(c) > 0) return alpha(c) === 1 ? c : over(c, behind(n.parentElement || document.body), alpha(c));
                }
                return [255, 255, 255];
              };
              const found = new Set();
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) {
                const e = walker.currentNode.parentElement;
                if (!walker.currentNode.textContent.trim() || !e.checkVisibility()) continue;
                if (e.closest("[aria-hidden=true],title,desc,script,style")) continue;
                const style = getComputedStyle(e);
                let opacity = 1;
                for (let n = e; n; n = n.parentElement) opacity *= Number(getComputedStyle(n).opacity);
                if (opacity < 0.02) continue;
                const ground = behind(e);
                const ink = parse(e.closest("svg") ? style.fill : style.color);
                const seen = over(ink, ground, alpha(ink) * opacity);
                const [a, b] = [light(seen), light(ground)];
                const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
                const large = size >= 24 || (bold && size >= 18.66);
                if (ratio < (large ? 3 : 4.5)) {
                  found.add(ratio.toFixed(2) + " " + e.tagName + "." + (e.getAttribute("class") || "") + ": "
                    + walker.currentNode.textContent.trim().slice(0, 40));
                }
              }
              return Array.from(found);
            })()
            """
        ) as? [String] ?? ["no answer"]
    }

    /// Texts of figures that lie on one another, or on a mark of a figure whose name is given.
    public func collisions(marksIn figure: String = "") throws -> [String] {
        try browser.evaluate(
            """
            (() => {
              const found = [];
              const opacity = e => e && e.nodeType === 1 ? Number(getComputedStyle(e).opacity) * opacity(e.parentElement) : 1;
              const shown = e => e.checkVisibility() && opacity(e) > 0.02;
              // Letters do not fill their line: a fifth of its height may be shared.
              const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
                && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.2 * Math.min(a.height, b.height);
              for (const svg of document.querySelectorAll("svg.chart")) {
                if (!svg.checkVisibility()) continue;
                const name = svg.getAttribute("aria-labelledby") || "";
                const texts = Array.from(svg.querySelectorAll("text")).filter(e => e.textContent.trim() && shown(e))
                  .map(e => [e.textContent.trim(), e.getBoundingClientRect()]);
                const marked = "\(figure)" && name.startsWith("\(figure)");
                const marks = marked ? Array.from(svg.querySelectorAll(".mark")).filter(shown)
                  .map(e => ["a mark", e.getBoundingClientRect()]) : [];
                const all = texts.concat(marks);
                for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < all.length; j++) {
                  if (meet(texts[i][1], all[j][1])) found.push(name.split("-title")[0] + ": " + texts[i][0] + " | " + all[j][0]);
                }
              }
              return found;
            })()
            """
        ) as? [String] ?? ["no answer"]
    }

    /// By how many pixels the page is wider than its window.
    public func overflow() throws -> Double {
        let wide = try browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return (wide as? NSNumber)?.doubleValue ?? .nan
    }

    /// What the keyboard reaches one after another, by name, until it leaves the page.
    public func keyboardOrder(limit: Int = 200) throws -> [String] {
        var names: [String] = []
        try browser.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        for _ in 0..<limit {
            try browser.press("Tab")
            let name = try browser.evaluate(
                """
                (() => { const e = document.activeElement; if (!e || e === document.body) return "";
                  return e.tagName.toLowerCase() + " "
                    + (e.getAttribute("aria-label") || e.textContent).trim().replace(/\\s+/g, " ").slice(0, 60); })()
                """
            )
            guard let name = name as? String, !name.isEmpty else { break }
            names.append(name)
        }
        return names
    }
}
