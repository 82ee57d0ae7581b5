/// The page's only script: it plays the story.
///
/// It shows and hides what the page holds and writes nothing into it but "Play", "Pause" and "3 of 14"; it knows no
/// report. The policy of the page lets this very text run and nothing else, by its hash. Neither `<` nor `&` is in it,
/// so that the page stays well-formed XML.
enum StoryScript {
    /// The SHA-256 of `text`, in Base64, as a content security policy wants it.
    static let hash = "p7wkmYlIv/TcgPWwm0nJ1Jz6z98foVYupQRmdfqnxxQ="

    static let markup: Markup = """
        (function () {
          "use strict";
          var story = document.getElementById("story");
          var all = function (selector) { return Array.prototype.slice.call(story.querySelectorAll(selector)); };
          var frames = all(".frame"), beats = all(".beat"), answers = all(".told"), texts = all(".told pre");
          var play = story.querySelector(".play"), place = story.querySelector(".place");
          var bar = story.querySelector(".bar i"), reveal = story.querySelector(".reveal");
          var still = window.matchMedia("(prefers-reduced-motion: reduce)");
          var dwell = Number(story.dataset.dwell), last = frames.length - 1, at = 0, timer = 0;

          function show(index) {
            at = Math.min(last, Math.max(0, index));
            frames.forEach(function (frame, i) { frame.hidden = i !== at; });
            beats.forEach(function (beat) {
              var own = Number(beat.dataset.beat);
              beat.classList.toggle("on", at >= own);
              beat.classList.toggle("now", own === at);
            });
            var told = 0;
            answers.forEach(function (answer) {
              var own = Number(answer.dataset.beat);
              if (at >= own) { told = Math.max(told, own); }
            });
            answers.forEach(function (answer) { answer.hidden = Number(answer.dataset.beat) !== told; });
            place.textContent = (at + 1) + " of " + frames.length;
            bar.style.width = (100 * (at + 1) / frames.length) + "%";
          }

          function pause() {
            window.clearTimeout(timer);
            timer = 0;
            play.textContent = at === last ? "Play again" : "Play";
            story.querySelector(".frames").setAttribute("aria-live", "polite");
          }

          function tick() {
            if (at >= last) { pause(); return; }
            show(at + 1);
            timer = window.setTimeout(tick, dwell);
          }

          function start() {
            if (still.matches) { return; }
            if (at === last) { show(0); }
            play.textContent = "Pause";
            story.querySelector(".frames").setAttribute("aria-live", "off");
            timer = window.setTimeout(tick, dwell);
          }

          function toggle() { if (timer) { pause(); } else { start(); } }
          function step(by) { pause(); show(at + by); pause(); }
          function calm() { pause(); play.hidden = still.matches; }

          play.addEventListener("click", toggle);
          story.querySelector(".back").addEventListener("click", function () { step(-1); });
          story.querySelector(".next").addEventListener("click", function () { step(1); });
          story.querySelector(".again").addEventListener("click", function () { step(-frames.length); });
          if (reveal) {
            reveal.addEventListener("click", function () {
              var open = story.classList.toggle("unveiled");
              reveal.setAttribute("aria-pressed", String(open));
              reveal.textContent = open ? "Hide the answers" : "Show the answers";
              texts.forEach(function (text) { text.setAttribute("aria-hidden", String(!open)); });
            });
          }
          story.addEventListener("keydown", function (event) {
            if (event.ctrlKey || event.metaKey || event.altKey) { return; }
            var onButton = event.target.tagName === "BUTTON";
            if (event.key === "ArrowRight") { step(1); }
            else if (event.key === "ArrowLeft") { step(-1); }
            else if (event.key === "Home") { step(-frames.length); }
            else if (event.key === "End") { step(frames.length); }
            else if (event.key === " ") { if (onButton) { return; } toggle(); }
            else { return; }
            event.preventDefault();
          });
          document.addEventListener("visibilitychange", function () { if (document.hidden) { pause(); } });
          still.addEventListener("change", calm);
          Array.prototype.forEach.call(document.querySelectorAll(".scripted"), function (part) { part.hidden = false; });
          show(0);
          calm();
        })();
        """
}
