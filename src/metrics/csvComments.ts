/** The head of every CSV file that the studio writes: lines `# name,value`, text in quotes, that say where its numbers come from. */

export type CsvComment = readonly [name: string, value: string | number];

/** One line each, whatever the values hold. */
export function csvComments(comments: readonly CsvComment[]): string {
  const cell = (value: string | number) => (typeof value === 'number' ? value : `"${value.replaceAll('"', '""')}"`);
  return comments.map(([name, value]) => `# ${name},${String(cell(value)).replace(/[\r\n]+/g, ' ')}\n`).join('');
}
