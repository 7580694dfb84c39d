/** How a report looks: light or dark as the reader's system is, light on paper; nothing is fetched. */
export const style = `
:root { color-scheme: light dark; --ground: #fff; --text: #16191f; --faint: #545c69; --line: #d5dae2; --raised: #f4f6f9;
  --teacher: #1d4fbf; --student: #a8430f; --content: #2f6fde; --motion: #c2410c; --cell: #dfe6f3; }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #0d0f13; --text: #e7eaef; --faint: #a7b0bd; --line: #333b47;
  --raised: #171b22; --teacher: #8db4ff; --student: #ff9a6c; --content: #6ea0ff; --motion: #ff8f5c; --cell: #283145; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, 'Segoe UI', Roboto, sans-serif;
  font-variant-numeric: tabular-nums; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2rem; }
footer { padding-bottom: 3rem; color: var(--faint); }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 0.25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
.faint { color: var(--faint); }
.lead { font-size: 1.0625rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0.5rem 1.5rem; margin: 0.75rem 0; }
.facts dt { color: var(--faint); font-size: 0.8125rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
caption { text-align: left; color: var(--faint); padding: 0 0 0.375rem; }
th, td { padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 500; }
thead th { color: var(--faint); font-size: 0.8125rem; }
.number { text-align: right; white-space: nowrap; }
th.text { overflow-wrap: anywhere; }
.clips { display: flex; flex-wrap: wrap; gap: 1.25rem; margin: 0.75rem 0; }
figure { margin: 0; }
figcaption { font-size: 0.875rem; margin-bottom: 0.25rem; }
.clip:first-child figcaption { color: var(--teacher); }
.clip figcaption { color: var(--student); }
.clip img { display: block; image-rendering: pixelated; border-radius: 4px; max-width: 100%; height: auto; }
.strip { margin: 0.5rem 0; }
.strip img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 4px; }
svg text { font: 12px system-ui, sans-serif; fill: var(--text); }
.map { display: block; width: 100%; height: auto; max-width: 64rem; margin: 0.75rem 0; }
.map .stage.off { fill: var(--faint); text-decoration: line-through; }
.map .cell text { text-anchor: middle; font-size: 11px; }
.map .cell rect { fill: var(--cell); stroke: none; }
.map .cell.off rect { fill: none; stroke: var(--student); stroke-dasharray: 3 2; }
.map .cell.off path { stroke: var(--student); stroke-width: 1.5; fill: none; }
.bars { display: block; width: 100%; max-width: 46rem; height: auto; }
rect.content { fill: var(--content); } rect.motion { fill: var(--motion); }
.legend { color: var(--faint); font-size: 0.875rem; }
summary { cursor: pointer; color: var(--faint); margin: 0.75rem 0; }
.swatch { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 2px; margin-left: 0.5em; }
.swatch.content { background: var(--content); } .swatch.motion { background: var(--motion); }
pre { background: var(--raised); border-radius: 6px; padding: 0.75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.8125rem; }
code { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; font-size: 0.92em; overflow-wrap: anywhere; }
@media print { body { font-size: 10.5pt; } header, main, footer { max-width: none; padding: 0; } h2 { break-after: avoid; }
  figure, svg, tr, .facts div { break-inside: avoid; } .scroll { overflow: visible; } .map, .bars { print-color-adjust: exact; }
  .clip img { width: 128px; } pre { border: 1px solid var(--line); } }
`;
