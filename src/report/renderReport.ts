/**
 * A report as one HTML file: map, plan, importance, figures, clips, settings, versions and the lines that repeat it.
 * Nothing is fetched and no script runs, so that it can be kept and passed on; it fetches nothing by its own policy.
 */
import { present } from '../errors/present';
import type { PairedTimes } from '../metrics/pairedTimes';
import { importanceSection } from './importanceChart';
import { mapDrawing, mapLegend } from './mapDrawing';
import { type Content, facts, html, type Markup, table } from './markup';
import { amount, figure, percent } from './numbers';
import type { ReportClip, ReportContent, ReportFigure, ReportPair, ReportScene, ReportStudent } from './ReportContent';
import { shelfSection } from './shelfSection';
import { style } from './style';

export function renderReport(content: ReportContent): string {
  const { model, madeAt, version, fingerprint, students, notes } = content;
  const title = `${model}: ${students.map(({ name }) => name).join(', ') || 'teacher'}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="faint">Made ${madeAt.slice(0, 16).replace('T', ' ')} UTC by ${version} from the model <code>${fingerprint.slice(0, 12)}</code>.</p>
${students.map((student) => html`<p class="lead">${leadOf(student)}</p>`)}
</header>
<main>
${content.scenes.length > 0 ? clipsSection(content.scenes) : ''}
${content.pairs.length > 0 ? figuresSection('Figures', content.pairs) : ''}
${content.batch && content.batch.length > 0 ? figuresSection('Many prompts and seeds', content.batch) : ''}
${students.length > 0 ? costSection(content) : ''}
${students.map((student) => planSection(content, student))}
${content.shelf && content.shelf.length > 0 ? shelfSection(content.shelf) : ''}
${content.importance ? importanceSection(content.importance) : ''}
<section><h2>Settings</h2>${facts(content.settings)}</section>
<section><h2>Machine and versions</h2>${facts([...content.machine, { name: 'model, SHA-256 of graphs, weights and scheduler', value: fingerprint }])}</section>
<section><h2>To repeat it</h2>${content.commands.map((line) => html`<pre>${line}</pre>`)}</section>
${notes.length > 0 ? html`<section><h2>Notes on the model</h2><ul>${notes.map((note) => html`<li>${note}</li>`)}</ul></section>` : ''}
</main>
<footer><p>Errors are squared 8-bit levels; error = content + motion, exactly: content is what is wrong in the same way in every frame, motion what changes over time. A frozen clip has the steadiest score of temporal flickering: read it with the motion magnitude. Time is of this machine and of nothing else.</p></footer>
</body>
</html>
`;
  return page.markup;
}

/** The cut in one sentence. */
function leadOf({ name, dropped, gone, totals: { teacher, student } }: ReportStudent): Content {
  if (dropped.length === 0) return html`<strong>${name}</strong> drops nothing.`;
  return html`<strong>${name}</strong> does without ${gone.length} blocks and their parts: ${percent(student.parameters / teacher.parameters)} of the teacher’s parameters, ${percent(student.macs / teacher.macs)} of its MACs.`;
}

function clipsSection(scenes: readonly ReportScene[]): Markup {
  return html`<section><h2>Clips</h2>${scenes.map(
    ({ prompt, seed, clips }) => html`<h3>“${prompt}”, seed ${seed}</h3>
<div class="clips">${clips.map(movingClip)}</div>
${clips.map(
  ({ name, frames }) =>
    html`<figure class="strip"><figcaption class="faint">${name}, frame by frame</figcaption><img src="${frames}" alt="Frames of the ${name}’s clip of “${prompt}” from first to last"></figure>`,
)}`,
  )}</section>`;
}

/** Small clips are shown large enough to be looked at. */
function movingClip({ name, moving, width, height, frameCount }: ReportClip): Markup {
  const scale = Math.max(1, Math.round(280 / width));
  return html`<figure class="clip"><figcaption>${name}</figcaption><img src="${moving}" width="${width * scale}" height="${height * scale}" alt="${name}: clip of ${frameCount} frames"></figure>`;
}

function figuresSection(title: string, pairs: readonly ReportPair[]): Markup {
  return html`<section><h2>${title}</h2>${pairs.map((pair) => {
    const isOne = pair.figures.every(({ summary }) => summary === undefined);
    return html`<h3>${pair.candidate} against ${pair.reference}</h3>
${isOne ? oneClip(pair.figures) : manyClips(pair.figures)}
${isOne || pair.worst.length === 0 ? '' : worstCases(pair)}`;
  })}</section>`;
}

const nameOf = ({ name, unit }: ReportFigure): string => (unit === '' ? name : `${name}, ${unit}`);

function oneClip(figures: readonly ReportFigure[]): Markup {
  const rows = figures.map((one) => [nameOf(one), one.of, figure(one.value)]);
  return table('Of the clip', [{ title: 'Figure' }, { title: 'of' }, { title: 'Value', isNumber: true }], rows);
}

function manyClips(figures: readonly ReportFigure[]): Markup {
  const rows = figures.map((one) => {
    const { summary } = one;
    if (!summary) return [nameOf(one), one.of, 'identical or not defined', '', '', '', ''];
    const { mean, standardDeviation, interval95, median, worst, count, notFinite } = summary;
    return [
      nameOf(one),
      one.of,
      figure(mean),
      figure(standardDeviation),
      interval95 ? interval95.map(figure).join(' to ') : '',
      figure(median),
      `${figure(worst.value)}${notFinite > 0 ? ` (of ${count - notFinite})` : ''}`,
    ];
  });
  const numbers = ['Mean', 'Deviation', '95 % of the mean', 'Median', 'Worst'].map((title) => ({
    title,
    isNumber: true,
  }));
  return table('Over all prompts and seeds', [{ title: 'Figure' }, { title: 'of' }, ...numbers], rows);
}

function worstCases({ worst }: ReportPair): Markup {
  const rows = worst.map(({ prompt, seed, meanSquaredError }) => [`“${prompt}”`, seed, figure(meanSquaredError)]);
  const columns = [
    { title: 'Prompt' },
    { title: 'Seed', isNumber: true },
    { title: 'Mean squared error', isNumber: true },
  ];
  return table('Prompts and seeds, the worst first', columns, rows);
}

function costSection({ students, teacherStepMs }: ReportContent): Markup {
  const { teacher } = present(students[0]).totals;
  const time = (ms: number | undefined) => (ms === undefined ? 'not measured' : `${figure(ms)} ms`);
  const share = (part: number, whole: number, unit = '') => `${amount(part, unit)} (${percent(part / whole)})`;
  const rows = [
    [
      'teacher',
      amount(teacher.parameters),
      amount(teacher.macs),
      amount(teacher.bytes, 'B'),
      time(present(students[0]).times?.referenceMs ?? teacherStepMs),
    ],
    ...students.map(({ name, totals: { student }, stepMs, times }) => [
      name,
      share(student.parameters, teacher.parameters),
      share(student.macs, teacher.macs),
      share(student.bytes, teacher.bytes, 'B'),
      times ? ratioOf(times) : time(stepMs),
    ]),
  ];
  const numbers = ['Parameters', 'MACs of a call', 'Size', 'Time of a step'].map((title) => ({
    title,
    isNumber: true,
  }));
  return html`<section><h2>Cost</h2>${table('Of the denoiser', [{ title: 'Model' }, ...numbers], rows)}</section>`;
}

function ratioOf({ candidateMs, ratio, pairs }: PairedTimes): string {
  const range = `${percent(ratio.low)} to ${percent(ratio.high)}`;
  return `${figure(candidateMs)} ms (${percent(ratio.median)}; ${range}, ${pairs} pairs)`;
}

function planSection({ tree }: ReportContent, { name, dropped, gone }: ReportStudent): Markup {
  return html`<section><h2>Blocks of ${name}</h2>
${mapDrawing(tree, new Set(gone), name)}
<p class="legend">${mapLegend(tree)}</p>
<p>${dropped.length === 0 ? 'Nothing is dropped.' : `Dropped: ${dropped.join(', ')}.`} As a plan file:</p>
<pre>${JSON.stringify({ dropped })}</pre></section>`;
}
