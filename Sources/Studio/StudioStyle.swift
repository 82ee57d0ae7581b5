import TemperReport

/// The report's style sheet, and what only the studio's pages need.
enum StudioStyle {
    static let text = StyleSheet.markup.text + own.text

    /// The icon: the tuned dot above the reference's.
    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#14171a"/>\
        <path d="M7 23 C14 23 15 9 25 9" fill="none" stroke="#ee7f2e" stroke-width="3" stroke-linecap="round"/>\
        <circle cx="7" cy="23" r="3" fill="#a2aab2"/><circle cx="25" cy="9" r="3.6" fill="#ee7f2e"/></svg>
        """

    private static let own: Markup = """

        body { padding-top: 1.1rem; }
        main:focus { outline: none; }
        .unseen { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        .masthead { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem 2rem; margin-bottom: 2.6rem;
          padding-bottom: .8rem; border-bottom: 1px solid var(--line); }
        .brand { color: var(--ink); font-weight: 660; letter-spacing: -.01em; text-decoration: none; }
        .brand span { color: var(--soft); font-weight: 400; }
        .masthead nav, .tabs, .pages { margin: 0; padding: 0; border: 0; }
        .masthead nav a[aria-current], .tabs a[aria-current] { color: var(--ink); font-weight: 600; }
        .tabs { margin: 0 0 1.8rem; border-bottom: 1px solid var(--line); }
        .tabs ul { gap: 0 1.6rem; font-size: .94rem; }
        .tabs a { display: inline-block; padding: .45rem 0; border-bottom: 2px solid transparent; }
        .tabs a[aria-current] { border-color: var(--risk); }
        h1 .state { margin-left: .4rem; vertical-align: .35em; letter-spacing: 0; }
        .state { display: inline-block; padding: .08rem .6rem; border: 1px solid currentColor; border-radius: 1rem;
          color: var(--soft); font-size: .8rem; line-height: 1.5; font-weight: 550; }
        .state-running { color: var(--link); }
        .state-finished { color: var(--good); }
        .state-failed, .state-damaged { color: var(--bad); }
        section { margin-top: 2.8rem; }
        main > h2 { margin-top: 2.2rem; }
        main > .how { margin-bottom: 1.1rem; }
        .tiles + .note { margin-top: 1.1rem; }
        #figures > .lead, #figures > .how { margin-top: 1.3rem; }
        .tiles { grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1.4rem 1.6rem; margin-top: 1.6rem; }

        button, input, select, textarea { font: inherit; color: var(--ink); }
        input:not([type=checkbox]), select { height: 2.6rem; }
        input:not([type=checkbox]), select, textarea { width: 100%; min-width: 0; padding: .45rem .6rem; background: var(--raised);
          border: 1px solid var(--neutral); border-radius: 7px; }
        input::placeholder { color: var(--soft); opacity: 1; }
        button { padding: .48rem 1.1rem; background: var(--ink); color: var(--paper); border: 1px solid var(--ink);
          border-radius: 7px; font-weight: 550; cursor: pointer; }
        button[type=button], .stop button { background: none; color: var(--ink); border-color: var(--neutral); }
        button:disabled { opacity: .55; cursor: default; }
        textarea { display: block; resize: vertical; line-height: 1.5; }
        textarea.code { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; font-size: .86rem; }
        input[type=checkbox] { width: 1.05rem; height: 1.05rem; margin: 0; accent-color: var(--link); flex: none; }
        .field { display: block; min-width: 0; }
        .field.wide { margin: 1rem 0; }
        .field span, legend { display: block; margin-bottom: .25rem; padding: 0; color: var(--soft); font-size: .84rem; }
        .filter { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.4rem, 1fr)); align-items: end; gap: .8rem;
          margin: 1.2rem 0; }
        .filter .field:first-child, .filter .field.long { grid-column: span 2; }
        .entries { align-items: start; }
        .filter button { justify-self: start; height: 2.6rem; }
        .actions { display: flex; flex-wrap: wrap; align-items: center; gap: .8rem; margin: 1.2rem 0; }
        .boxes { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; margin: 1.4rem 0; padding: 0; border: 0; min-width: 0; }
        .boxes legend { margin-bottom: .5rem; }
        .box { display: flex; align-items: baseline; gap: .55rem; font-size: .92rem; cursor: pointer; min-width: 0; }
        .box input { position: relative; top: .15rem; }
        .box > span { min-width: 0; }
        .box small { display: block; color: var(--soft); }
        .columns2 { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .8rem 1.6rem; }
        .fault { display: block; grid-column: 1 / -1; margin-top: .25rem; color: var(--bad); font-size: .84rem; }
        input[aria-invalid]:not([type=checkbox]), textarea[aria-invalid] { border-color: var(--bad); }
        .problem { margin: 1rem 0; padding: .7rem 1rem; border-left: 3px solid var(--bad); background: var(--shade); }

        .runs { margin: 0; padding: 0; list-style: none; border-top: 1px solid var(--line); }
        .run { display: grid; grid-template-columns: 1.6rem minmax(0, 1.3fr) minmax(0, 10rem) minmax(0, 1.6fr);
          align-items: center; gap: .2rem 1.2rem; padding: .8rem 0; border-bottom: 1px solid var(--line); }
        .run:hover { background: var(--shade); }
        .run small { display: block; color: var(--soft); font-size: .82rem; }
        .choose { display: flex; padding: .4rem 0; cursor: pointer; }
        .who a { font-weight: 620; text-decoration: none; }
        .who a:hover { text-decoration: underline; }
        .numbers { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem 1rem; font-size: .92rem; }
        .ratio { color: var(--soft); }
        .line { flex: none; overflow: visible; }
        .line .track { stroke: var(--line); stroke-width: 2; }
        .line .way { stroke: var(--risk); stroke-width: 2; opacity: .6; }
        .line .before { fill: var(--paper); stroke: var(--neutral); stroke-width: 2; }
        .line .after { fill: var(--risk); }
        .line .defended { fill: var(--utility); }
        .pages { display: flex; gap: 1.4rem; justify-content: center; margin-top: 1.4rem; font-size: .92rem; }
        .pages .off { color: var(--soft); opacity: .6; }

        .step label { display: block; font-size: .92rem; color: var(--soft); }
        progress { display: block; width: 100%; height: .5rem; margin-top: .4rem; appearance: none; border: 0; border-radius: 4px;
          background: var(--line); overflow: hidden; }
        progress::-webkit-progress-bar { background: var(--line); }
        progress::-webkit-progress-value { background: var(--link); }
        progress::-moz-progress-bar { background: var(--link); }
        .events { margin: .4rem 0; padding: 0; list-style: none; font-size: .86rem; }
        .events li { padding: .22rem 0; }
        .events time { color: var(--soft); margin-right: .5rem; }
        .log { padding: .8rem; max-height: 20rem; overflow: auto; background: var(--raised); border: 1px solid var(--line);
          border-radius: 8px; white-space: pre-wrap; }

        .framing { display: flex; flex-direction: column; height: 100vh; height: 100dvh; max-width: 1180px; padding-bottom: 1rem; }
        .framing .masthead { margin-bottom: 1.1rem; }
        .framing .tabs { margin-bottom: .4rem; }
        .framing main { flex: 1; display: flex; flex-direction: column; min-height: 30rem; }
        .framing main > .how { margin-bottom: .5rem; }
        iframe { flex: 1; width: 100%; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); }

        #exchanges:focus-visible { outline-offset: 8px; }
        .exchange { margin: 0 0 2rem; }
        .words { margin: 0 0 .8rem; max-width: 48rem; font-size: 1.06rem; font-weight: 550; white-space: pre-wrap; unicode-bidi: isolate; }
        .replies { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: .8rem; }
        .reply { min-width: 0; padding: .7rem .9rem; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; }
        .flip h2 { margin: 0 0 .4rem; font-size: 1rem; line-height: 1.4; letter-spacing: 0; }
        .flip h2 small { color: var(--soft); font-weight: 400; }
        .reply h3 { margin: 0 0 .4rem; color: var(--soft); font-size: .84rem; font-weight: 600; }
        .reply pre { margin: 0; font: inherit; font-size: .94rem; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
        .reply[aria-busy] { border-color: var(--link); }
        .reply.failed pre { color: var(--bad); }
        @media screen and (max-width: 760px) {
          body { padding-top: .9rem; }
          .masthead { margin-bottom: 1.6rem; }
          .tiles { grid-template-columns: 1fr 1fr; gap: 1.2rem; }
          main > .scroll tbody th { min-width: 0; max-width: 8.5rem; }
          .run { grid-template-columns: 1.6rem minmax(0, 1fr) auto; }
          .run .stands { text-align: right; }
          .run .numbers { grid-column: 2 / -1; }
          .tabs ul { gap: 0 1.2rem; }
        }

        """
}
