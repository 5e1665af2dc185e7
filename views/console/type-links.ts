import { html, type Part } from '../html.ts';

/** A line for what somebody may do with the records of each of these types; nothing where there are none. */
export function dataFact(id: string, types: readonly string[]): { label: string; value: Part } {
  const links = types.map(
    (type, index) => html`${index > 0 && ', '}<a href="/admin/types/${type}?who=${id}">${type}</a>`,
  );
  return { label: 'May do with data', value: links.length > 0 && links };
}
