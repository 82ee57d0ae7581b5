/// The page's only style sheet: system fonts, light and dark, small screens and paper.
///
/// Colours are Okabe and Ito's palette, darkened or lightened where text needs more contrast.
package enum StyleSheet {
    package static let markup: Markup = """
        :root {
          color-scheme: light dark;
          --paper: #fcfcfa; --raised: #ffffff; --ink: #1b1f24; --soft: #5b646e; --line: #e3e4df; --grid: #ecece7;
          --risk: #d55e00; --refusal: #0072b2; --ordinary: #56b4e9; --utility: #009e73; --neutral: #5b646e;
          --bad: #a84300; --good: #00694d; --link: #005a8f; --shade: #f3f3ef; --edge: rgb(27 31 36 / .16);
        }
        @media screen and (prefers-color-scheme: dark) {
          :root {
            --paper: #14171a; --raised: #1b1f23; --ink: #e8e9e6; --soft: #a2aab2; --line: #30363b; --grid: #262b30;
            --risk: #ee7f2e; --refusal: #4fa3dc; --ordinary: #8fd0f5; --utility: #2fc79a; --neutral: #a2aab2;
            --bad: #ff9d57; --good: #4fd6ad; --link: #7cc4f2; --shade: #22272c; --edge: rgb(232 233 230 / .2);
          }
        }
        * { box-sizing: border-box; }
        html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
        body { margin: 0 auto; padding: 3.5rem 2rem 4rem; max-width: 1080px; background: var(--paper); color: var(--ink);
          font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
          font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
        code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; font-size: .88em;
          overflow-wrap: anywhere; }
        a { color: var(--link); text-underline-offset: .2em; }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 3px; }
        .skip { position: absolute; left: -999rem; }
        .skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--raised); z-index: 1; }
        .eyebrow { margin: 0; color: var(--soft); font-size: .8rem; letter-spacing: .09em; text-transform: uppercase; }
        h1 { margin: .2rem 0 .8rem; font-size: 2.5rem; line-height: 1.12; font-weight: 650; letter-spacing: -.022em; }
        .lead { margin: 0 0 1rem; max-width: 54rem; font-size: 1.3rem; line-height: 1.42; text-wrap: pretty; }
        .meta { margin: 0; color: var(--soft); font-size: .88rem; }
        .meta span { display: inline-block; max-width: 100%; margin-right: 1.1rem; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1.4rem 1.5rem; margin: 2.2rem 0 0;
          padding: 0; list-style: none; }
        .tile { display: flex; flex-direction: column; min-width: 0; padding: .8rem 0 0;
          border-top: 2px solid var(--neutral); }
        .tile-risk { border-color: var(--risk); }
        .tile-utility { border-color: var(--utility); }
        .tile-label { font-size: .88rem; color: var(--soft); }
        .tile-value { font-size: 2.1rem; line-height: 1.25; font-weight: 600; letter-spacing: -.02em; }
        .tile-detail { font-size: .82rem; color: var(--soft); }
        nav { margin: 2.4rem 0 0; padding: .7rem 0; border-block: 1px solid var(--line); }
        nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: 0; padding: 0; list-style: none; font-size: .88rem; }
        nav a { color: var(--soft); text-decoration: none; }
        nav a:hover { color: var(--ink); text-decoration: underline; }
        section { margin-top: 3.6rem; scroll-margin-top: 1rem; }
        h2 { margin: 0 0 1rem; font-size: 1.45rem; line-height: 1.25; font-weight: 640; letter-spacing: -.012em; }
        h3 { margin: 0 0 .4rem; font-size: 1rem; line-height: 1.4; font-weight: 640; }
        h3 small { color: var(--soft); font-weight: 400; }
        h3.sub { margin: 1.6rem 0 .6rem; }
        .summary { margin: 0; padding: 0; max-width: 46rem; list-style: none; }
        .summary li { padding: .45rem 0 .45rem 1.2rem; border-left: 2px solid var(--line); }
        .none, .how, .note { margin: .3rem 0; color: var(--soft); font-size: .9rem; }
        figure { min-width: 0; margin: 0 0 2rem; }
        figure.medium .wide { max-width: 712px; }
        figcaption { margin-bottom: 1.4rem; max-width: 48rem; }
        .takeaway { margin: 0; font-size: 1.06rem; line-height: 1.5; text-wrap: pretty; }
        .figure-label { margin-right: .35rem; color: var(--soft); font-weight: 600; }
        .panels { display: flex; flex-wrap: wrap; gap: 1.5rem 2rem; margin-top: 1.6rem; }
        .panel { flex: 1 1 24rem; min-width: 0; }
        .small-charts { display: flex; flex-wrap: wrap; gap: 1.5rem 1.2rem; }
        .small-chart { flex: 0 1 320px; min-width: 0; }
        .chart { display: block; width: 100%; height: auto; overflow: visible; }
        .chart ~ .chart { margin-top: 1.4rem; }
        .chart.narrow { display: none; }
        .chart text { font-family: inherit; fill: var(--ink); font-size: 13px; }
        .chart .heading { font-size: 14px; font-weight: 640; }
        .chart .strong { font-weight: 640; }
        .chart .number { font-size: 12.5px; }
        .chart .small { font-size: 12px; }
        .chart .muted { fill: var(--soft); }
        .chart .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
        .chart .cover { fill: var(--paper); }
        .chart .grid { stroke: var(--grid); }
        .chart .hairline { stroke: var(--grid); }
        .chart .axis { stroke: var(--soft); }
        .chart .reference { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 5 4; }
        .tone-risk { --tone: var(--risk); }
        .tone-refusal { --tone: var(--refusal); }
        .tone-ordinary { --tone: var(--ordinary); }
        .tone-utility { --tone: var(--utility); }
        .tone-neutral { --tone: var(--neutral); }
        .chart .mark { fill: var(--tone); stroke: var(--paper); stroke-width: 1.2; }
        .chart .mark.hollow { fill: var(--paper); stroke: var(--tone); stroke-width: 2; }
        .chart .whisker { stroke: var(--tone); stroke-width: 2; }
        .chart .whisker.faint { stroke-width: 1.4; opacity: .6; }
        .chart .line { fill: none; stroke: var(--tone); stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
        .chart .line.tone-neutral { stroke-width: 1.5; }
        .chart .band { fill: var(--tone); opacity: .15; }
        .chart .leader { stroke: var(--tone); opacity: .55; }
        [hidden] { display: none !important; }
        button { padding: .38rem .95rem; border: 1px solid var(--soft); border-radius: 6px; background: var(--raised);
          color: var(--ink); font: inherit; font-size: .9rem; cursor: pointer; }
        button:hover { background: var(--shade); }
        button.play { min-width: 6.6rem; border-color: var(--link); background: var(--link); color: var(--paper); }
        .stage { padding: 1.3rem 1.5rem 1.5rem; background: var(--raised); border: 1px solid var(--line); border-radius: 10px; }
        .frames { display: flex; align-items: center; min-height: 4.4rem; }
        .frame { min-width: 0; max-width: 50rem; margin: 0; font-size: 1.25rem; line-height: 1.42; font-weight: 550;
          text-wrap: balance; }
        .bar { height: 3px; margin: .8rem 0 1rem; background: var(--line); border-radius: 2px; }
        .bar i { display: block; width: 0; height: 100%; background: var(--link); border-radius: 2px; transition: width .5s; }
        .buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-bottom: 1.4rem; }
        .place { margin-left: auto; color: var(--soft); font-size: .88rem; }
        .scene { display: grid; grid-template-columns: minmax(0, 1.75fr) minmax(0, 1fr); gap: 1.8rem; align-items: start; }
        .scene.alone { grid-template-columns: minmax(0, 1fr); }
        .scene .wide { max-width: 760px; }
        .beat .number { paint-order: stroke; stroke: var(--raised); stroke-width: 4px; stroke-linejoin: round; }
        .beat .passing { opacity: 0; }
        .beat.now .passing { opacity: 1; }
        .beat { opacity: 0; transition: opacity .7s; }
        .beat.on { opacity: 1; }
        .beat .grow { stroke-dasharray: 1; stroke-dashoffset: 1; transition: stroke-dashoffset .9s; }
        .beat.on .grow { stroke-dashoffset: 0; }
        .followed .prompt { margin: 0 0 1rem; }
        .tellings { min-height: 11.5rem; }
        .told { padding: .2rem 0 .2rem .9rem; border-left: 3px solid var(--soft); }
        .told.bad { border-color: var(--bad); }
        .told.good { border-color: var(--good); }
        .told p { margin: 0 0 .4rem; font-size: .92rem; }
        .told pre { margin: 0; max-height: 9rem; overflow: auto; white-space: pre-wrap; unicode-bidi: isolate;
          filter: blur(6px); user-select: none; }
        .unveiled .told pre { filter: none; user-select: auto; }
        .scroll { overflow-x: auto; margin: .4rem 0 1.4rem; container-type: inline-size;
          background: linear-gradient(to right, var(--paper) 40%, transparent) 0 0 / 3rem 100% no-repeat local,
            linear-gradient(to left, var(--paper) 40%, transparent) 100% 0 / 3rem 100% no-repeat local,
            linear-gradient(to right, var(--edge), transparent) 0 0 / .9rem 100% no-repeat scroll,
            linear-gradient(to left, var(--edge), transparent) 100% 0 / .9rem 100% no-repeat scroll; }
        .scroll td:last-child:not(.num) { min-width: 14rem; }
        table { width: 100%; border-collapse: collapse; font-size: .88rem; line-height: 1.45; overflow-wrap: normal; }
        caption { position: sticky; left: 0; max-width: min(100cqw, 48rem); padding: 0 0 .5rem; color: var(--soft);
          text-align: left; }
        caption.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        th, td { padding: .5rem 1.1rem .5rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
        th:last-child, td:last-child { padding-right: 0; }
        thead th { color: var(--soft); font-weight: 550; vertical-align: bottom; }
        tbody th { min-width: 8.4rem; font-weight: 600; overflow-wrap: break-word; }
        tbody tr:hover { background: var(--shade); }
        td.num { white-space: nowrap; }
        td.num small { max-width: 20ch; margin-left: auto; white-space: normal; text-wrap: balance; }
        tr.upper > td.num small { max-width: none; white-space: nowrap; }
        th.num, td.num { text-align: right; }
        tr.total th, tr.total td { border-top: 1px solid var(--soft); font-weight: 640; }
        td.remark { min-width: 11rem; color: var(--soft); }
        .stays { position: sticky; left: 0; max-width: clamp(9rem, 100cqw - 11rem, 46rem); }
        td small, th small { display: block; color: var(--soft); font-weight: 400; font-size: .92em; }
        summary { cursor: pointer; }
        .fold { border-top: 1px solid var(--line); }
        .fold > summary { padding: .6rem 0; }
        .fold > summary small { margin-left: .5rem; color: var(--soft); }
        tr.upper > td { padding-bottom: 0; border-bottom: 0; }
        .data > summary { width: fit-content; margin-top: .6rem; color: var(--soft); font-size: .88rem; }
        .data .scroll { max-height: 26rem; overflow: auto; }
        .card { margin: 0 0 .7rem; padding: .9rem 1.1rem; background: var(--raised); border: 1px solid var(--line);
          border-radius: 8px; }
        .card p { margin: .6rem 0 .2rem; max-width: 46rem; font-size: .94rem; }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: .8rem; }
        .cards .card { margin: 0; }
        .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 2.5rem; }
        .columns > div { min-width: 0; }
        .facts { margin: .3rem 0; font-size: .88rem; }
        .facts div { display: flex; gap: 1rem; justify-content: space-between; padding: .3rem 0;
          border-bottom: 1px solid var(--line); }
        .facts div:last-child { border-bottom: 0; }
        .facts dt { flex: 0 0 auto; max-width: 58%; color: var(--soft); }
        .facts dd { flex: 0 1 auto; min-width: 35%; margin: 0; text-align: right; }
        .flip { padding: 1.1rem 0; border-top: 1px solid var(--line); }
        .prompt { margin: .2rem 0 .8rem; max-width: 48rem; white-space: pre-wrap; unicode-bidi: isolate; }
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; align-items: start; }
        .answer { min-width: 0; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; }
        .answer > summary { padding: .5rem .8rem; font-size: .88rem; }
        .answer .aside { float: right; color: var(--soft); }
        .answer pre { margin: 0; padding: .8rem; max-height: 24rem; overflow: auto; border-top: 1px solid var(--line);
          white-space: pre-wrap; unicode-bidi: isolate; }
        .answer .none { padding: 0 .8rem .6rem; }
        .grade { margin-right: .5rem; color: var(--soft); font-weight: 640; }
        .bad .grade { color: var(--bad); }
        .good .grade { color: var(--good); }
        footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .84rem; }
        @media screen and (max-width: 1000px) {
          .scene .chart.wide { display: none; }
          .scene .chart.narrow { display: block; max-width: 26rem; margin: 0; }
        }
        @media screen and (max-width: 920px) {
          .chart.wide { display: none; }
          .chart.narrow { display: block; max-width: 26rem; margin: 0; }
          figure { display: flex; flex-wrap: wrap; gap: 1.6rem; align-items: flex-start; }
          figure > * { flex: 0 0 100%; min-width: 0; }
          figure > figcaption { margin: 0; }
          figure > .chart.narrow, .panel { flex: 1 1 20.5rem; max-width: 26rem; }
          .panels { gap: 1.6rem; margin: 0; }
        }
        @media screen and (max-width: 760px) {
          body { padding: 2rem 1.1rem 3rem; }
          h1 { font-size: 1.9rem; }
          .lead { font-size: 1.12rem; }
          .tiles { grid-template-columns: 1fr 1fr; gap: 1.2rem 1.2rem; }
          .tile-value { font-size: 1.6rem; }
          .pair, .cards, .columns, .scene { grid-template-columns: minmax(0, 1fr); }
          .stage { padding: 1rem; }
          .frames { min-height: 7.2rem; }
          .frame { font-size: 1.1rem; }
          .scroll table { width: max-content; min-width: 100%; }
          .scroll td:not(.num) { max-width: clamp(9rem, 100cqw - 11rem, 16rem); }
          .scroll tbody th { min-width: 7rem; max-width: 9.5rem; }
          .scroll thead th { max-width: 10rem; }
        }
        @media (prefers-reduced-motion: reduce) {
          html { scroll-behavior: auto; }
          .bar i, .beat, .beat .grow { transition: none; }
        }
        @page wide { size: landscape; }
        @media print {
          #subjects { page: wide; }
          :root { font-size: 12px; }
          .tiles { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .9rem 1rem; }
          body { padding: 0; max-width: none; font-size: 10.5pt; background: none; }
          nav, .skip, .data, #story { display: none; }
          section { margin-top: 2rem; }
          .fold::details-content, .card::details-content { display: block; block-size: auto;
            content-visibility: visible; }
          .fold > summary, .card > summary { list-style: none; }
          figure, .flip, .card, tr, thead, caption { break-inside: avoid; }
          h2, figcaption, caption, thead, summary { break-after: avoid; }
          .scroll { overflow: visible; background: none; container-type: normal; }
          caption, .stays { position: static; max-width: none; }
          td.num small, tr.upper > td.num small { max-width: none; white-space: normal; }
          .scroll table { width: 100%; }
          td.num { white-space: normal; }
          h3 { break-after: avoid; }
          tr.upper { break-after: avoid; }
          .panels { flex-wrap: nowrap; }
          .panel { flex-basis: 0; }
          table { font-size: 8.5pt; }
          th, td { padding-right: .6rem; }
          #subjects table { font-size: 7pt; }
          #subjects :is(th, td) { padding-right: .35rem; }
          #subjects tbody th { min-width: 0; }
        }
        """
}
