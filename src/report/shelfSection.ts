/** The shelf in a report: students that were kept, each with its picture, its cost, its cut and its figures. */
import { html, type Markup, table } from './markup';
import { figure, percent } from './numbers';
import type { ReportShelved } from './ReportContent';

export function shelfSection(students: readonly ReportShelved[]): Markup {
  const share = (value: number | null) => (value === null ? 'not counted' : percent(value));
  const rows = students.map(({ name, thumbnail, dropped, isHealed, macs, parameters, figures }) => [
    thumbnail ? html`<img src="${thumbnail}" alt="" width="48"> ${name}` : name,
    share(macs),
    share(parameters),
    figures ? (figures.psnr === null ? 'identical' : figure(figures.psnr)) : '',
    figures ? figure(figures.errorContent) : '',
    figures ? figure(figures.errorMotion) : '',
    figures ? `“${figures.prompt}”, seed ${figures.seed}` : 'not measured',
    `${dropped.length === 0 ? 'nothing' : dropped.join(', ')}${isHealed ? '; healed' : ''}`,
  ]);
  const number = (title: string) => ({ title, isNumber: true });
  const columns = [
    { title: 'Student' },
    number('MACs'),
    number('Parameters'),
    number('PSNR, dB'),
    number('Error, content part'),
    number('Error, motion part'),
    { title: 'Measured on' },
    { title: 'Dropped' },
  ];
  return html`<section><h2>Shelf</h2>${table('Students that were kept', columns, rows)}</section>`;
}
