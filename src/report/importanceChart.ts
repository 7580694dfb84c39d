/** What each block matters, as bars: content and motion on top of each other, the blocks that matter most first. */
import { html, type Markup, table } from './markup';
import { figure } from './numbers';
import type { ReportImportance } from './ReportContent';

const ROW = 18;
const NAME = 260;
const BAR = 420;
/** How many blocks the chart shows, and how short a bar, of the longest; the table has all. */
const SHOWN = 30;
const SHORTEST = 0.003;

export function importanceSection({ about, claim, units }: ReportImportance): Markup {
  const sorted = [...units].sort((a, b) => b.content + b.motion - (a.content + a.motion));
  const rows = sorted.map(({ id, content, motion }) => [id, figure(content + motion), figure(content), figure(motion)]);
  return html`<section><h2>Importance</h2>
<p>${about}</p>${claim ? html`<p>${claim}</p>` : ''}
${chart(sorted.slice(0, SHOWN))}
<details><summary>Figures of all ${units.length} blocks</summary>
${table(
  'Damage by block',
  [
    { title: 'Block' },
    { title: 'Damage', isNumber: true },
    { title: 'to content', isNumber: true },
    { title: 'to motion', isNumber: true },
  ],
  rows,
)}</details></section>`;
}

function chart(worst: ReportImportance['units']): Markup {
  const largest = Math.max(Number.MIN_VALUE, ...worst.map(({ content, motion }) => content + motion));
  const units = worst.filter(({ content, motion }) => content + motion >= SHORTEST * largest);
  const length = (value: number) => Number(((value / largest) * BAR).toFixed(1));
  const bars = units.map(({ id, content, motion }, i) => {
    const y = i * ROW;
    const name = id.length > 38 ? `…${id.slice(-37)}` : id;
    return html`<g><title>${id}: content ${figure(content)}, motion ${figure(motion)}</title>
<text x="${NAME - 8}" y="${y + 13}" text-anchor="end">${name}</text>
<rect class="content" x="${NAME}" y="${y + 3}" width="${length(content)}" height="${ROW - 6}"/>
<rect class="motion" x="${NAME + length(content)}" y="${y + 3}" width="${length(motion)}" height="${ROW - 6}"/></g>`;
  });
  return html`<p class="legend"><span class="swatch content"></span> content <span class="swatch motion"></span> motion</p>
<svg class="bars" viewBox="0 0 ${NAME + BAR} ${units.length * ROW}" role="img" aria-label="Damage by block, content and motion; the table below has the figures">${bars}</svg>`;
}
