/** HTML as strings: everything that comes from outside is escaped here, and nowhere else. */
import { present } from '../errors/present';

/** Markup that is safe to put in: made by this file's functions. */
export interface Markup {
  readonly markup: string;
}

export type Content = string | number | Markup | readonly Content[];

/** A tagged template: what is put in is escaped unless it is markup. */
export function html(texts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return { markup: texts.reduce((all, text, i) => all + markupOf(present(contents[i - 1])) + text) };
}

function markupOf(content: Content): string {
  if (typeof content === 'string' || typeof content === 'number') return escaped(String(content));
  return 'markup' in content ? content.markup : content.map(markupOf).join('');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** Every row begins with its header. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Content[])[]): Markup {
  const cell = (content: Content, i: number) => {
    const kind = present(columns[i]).isNumber ? 'number' : 'text';
    return i === 0 ? html`<th scope="row" class="${kind}">${content}</th>` : html`<td class="${kind}">${content}</td>`;
  };
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title, isNumber }) => html`<th scope="col" class="${isNumber ? 'number' : 'text'}">${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody>
</table></div>`;
}

export function facts(list: readonly { readonly name: string; readonly value: string }[]): Markup {
  return html`<dl class="facts">${list.map(({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}
