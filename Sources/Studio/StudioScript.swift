/// The studio's only script: it lets a live run's page grow, and drives the chat box. Everything else works without it.
///
/// Pieces of pages come from the studio itself, escaped; what a model says only ever becomes the text of an element.
enum StudioScript {
    static let text = #"""
        "use strict";
        (() => {
          const announcement = document.getElementById("announcement");
          const say = (text) => { if (announcement) announcement.textContent = text; };

          // A live run: the server says what has changed, and that part of the page is asked for anew.
          const live = document.getElementById("live");
          // A part is not taken away between the press and the release of a button in it.
          let pressed = false;
          addEventListener("pointerdown", () => { pressed = true; }, true);
          for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { pressed = false; }, true);
          const released = () => new Promise((done) => {
            const look = () => { if (pressed) setTimeout(look, 50); else setTimeout(done); };
            look();
          });
          const replace = async (id) => {
            const answer = await fetch(live.dataset[id], { cache: "no-store" });
            if (!answer.ok) return;
            const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
            await released();
            const old = document.getElementById(id);
            if (!fresh || !old) return;
            // What the reader has unfolded stays so, and what has the focus keeps it.
            const name = (fold) => fold.querySelector("summary").textContent;
            const folds = new Map([...old.querySelectorAll("details")].map((fold) => [name(fold), fold.open]));
            fresh.querySelectorAll("details").forEach((fold) => {
              if (folds.has(name(fold))) fold.open = folds.get(name(fold));
            });
            const parts = (place) => [...place.querySelectorAll("summary, button, a, input")];
            const at = parts(old).indexOf(document.activeElement);
            const focused = at < 0 ? undefined : document.activeElement.textContent;
            old.replaceWith(fresh);
            if (at >= 0) parts(fresh).find((part) => part.textContent === focused)?.focus({ preventScroll: true });
            return fresh;
          };
          // One request for each part at a time; what changes meanwhile is asked for after it.
          const busy = {};
          const renew = async (id) => {
            if (busy[id]) { busy[id] = "again"; return; }
            busy[id] = "now";
            try {
              const fresh = await replace(id);
              if (id === "figures" && fresh) {
                const subjects = fresh.dataset.subjects.split(" ").filter(Boolean);
                if (subjects.length) say(`Assessed so far: ${subjects.join(", ")}`);
              }
            } catch { /* The server is away; the stream of events tries again by itself. */ }
            const again = busy[id] === "again";
            busy[id] = undefined;
            if (again) renew(id);
          };
          if (live && live.dataset.events) {
            const source = new EventSource(live.dataset.events);
            for (const id of ["progress", "figures", "losses"]) source.addEventListener(id, () => renew(id));
            // A studio that was started again does not know this page any more, and no stream tries again after that.
            source.addEventListener("error", () => {
              if (source.readyState !== EventSource.CLOSED) return;
              const line = document.createElement("p");
              line.className = "problem";
              line.setAttribute("role", "alert");
              line.textContent = "This page is not renewed any more: open the address that the studio printed.";
              live.prepend(line);
            });
            source.addEventListener("ended", () => { source.close(); location.reload(); });
          }

          // The chat box.
          const chat = document.getElementById("chat");
          if (!chat) return;
          const exchanges = document.getElementById("exchanges");
          const words = chat.elements.words;
          const ask = chat.querySelector("button[type=submit]");
          let turns = [];
          let stop = new AbortController();

          // Marks that would reorder what is read are written out.
          const plain = (text) => text.replace(/[\u061C\u200B\u200E\u200F\u202A-\u202E\u2066-\u2069\u{E0000}-\u{E007F}]/gu,
            (mark) => `[U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
          const make = (tag, name, text, parent) => {
            const element = document.createElement(tag);
            if (name) element.className = name;
            if (text !== undefined) element.textContent = text;
            if (parent) parent.append(element);
            return element;
          };

          const answer = async (partner, asked, place, signal) => {
            // Each model sees its own earlier answers, and none of another's.
            const history = [];
            for (const turn of turns) {
              if (turn.answers[partner] === undefined) continue;
              history.push({ role: "user", content: turn.words });
              history.push({ role: "assistant", content: turn.answers[partner] });
            }
            history.push({ role: "user", content: asked.words });
            const reply = await fetch(chat.dataset.chat, {
              method: "POST", signal, headers: { "Content-Type": "application/json" },
              body: JSON.stringify({ partner, turns: history })
            });
            if (!reply.ok) {
              const isUnknown = reply.status === 401;
              throw new Error(isUnknown ? "Open the printed address again." : `The studio answered ${reply.status}.`);
            }
            const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
            let rest = "";
            for (;;) {
              const { value, done } = await reader.read();
              if (done) break;
              rest += value;
              const lines = rest.split("\n");
              rest = lines.pop();
              for (const line of lines) {
                const piece = JSON.parse(line);
                if (piece.error !== undefined) throw new Error(piece.error);
                place.textContent = plain(piece.text);
                if (piece.done) asked.answers[partner] = piece.text;
              }
            }
            if (asked.answers[partner] === undefined) throw new Error("The answer broke off.");
            if (!place.textContent) place.textContent = "(empty answer)";
          };

          chat.addEventListener("submit", async (event) => {
            event.preventDefault();
            const chosen = [...chat.querySelectorAll("input[name=partner]:checked")];
            const text = words.value.trim();
            if (!text || ask.disabled) return;
            if (!chosen.length) { say("Choose who answers."); return; }
            ask.disabled = true;
            stop = new AbortController();
            const signal = stop.signal;
            const asked = { words: text, answers: {} };
            const box = make("section", "exchange", undefined, exchanges);
            make("h2", "words", plain(text), box).dir = "auto";
            const row = make("div", "replies", undefined, box);
            const places = chosen.map((input) => {
              const card = make("article", "reply", undefined, row);
              make("h3", "", input.closest("label").textContent.trim(), card);
              const place = make("pre", "", "…", card);
              place.dir = "auto";
              return { partner: input.value, place, card };
            });
            words.value = "";
            box.scrollIntoView({ block: "nearest" });
            for (const { partner, place, card } of places) {
              if (signal.aborted) break;
              card.setAttribute("aria-busy", "true");
              place.textContent = "thinking …";
              try { await answer(partner, asked, place, signal); }
              catch (error) { place.textContent = signal.aborted ? "left" : String(error.message || error); card.classList.add("failed"); }
              card.removeAttribute("aria-busy");
            }
            if (!signal.aborted) { turns.push(asked); say("All have answered."); }
            ask.disabled = false;
            words.focus();
          });
          words.addEventListener("keydown", (event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); chat.requestSubmit(); }
          });
          document.getElementById("again").addEventListener("click", () => {
            stop.abort();
            turns = [];
            exchanges.replaceChildren();
            words.focus();
          });
        })();

        """#
}
