import { type Html, html, type Part } from '../html.ts';
import { emptyState } from './notices.ts';
import { disclosure } from './sections.ts';

/** The column of a list that has the buttons of each row; its heading is for screen readers only. */
export const ACTIONS = { label: 'Actions', kind: 'actions' } as const;

type Table = {
  caption: string;
  columns: readonly (string | typeof ACTIONS)[];
  rows: readonly (readonly Part[])[];
  /** One line a row: of a long list, where each row has a page of its own that says the rest. */
  isDense?: boolean;
  /** Other rows that are low: `low` of all lines that their words need, `log` as one line of a log with six columns. */
  look?: 'low' | 'log';
  /** What stands there as long as there are no rows. */
  empty?: Parameters<typeof emptyState>[0];
};

/**
 * Rows of cells in the order of the columns; the first cell names its row. On a phone each row is a card
 * whose cells carry the column's label. The caption is for screen readers only.
 */
export function dataTable(props: Table): Html {
  if (props.rows.length === 0 && props.empty !== undefined) return emptyState(props.empty);
  const columns = props.columns.map((column) =>
    typeof column === 'string' ? ({ label: column, kind: 'data' } as const) : column,
  );
  // The roles say again what the elements are: as cards (display: block) browsers would forget it.
  const head = columns.map(({ label, kind }) => {
    const text = kind === 'actions' ? html`<span class="unseen">${label}</span>` : label;
    return html`<th scope="col" class="${kind}" role="columnheader">${text}</th>`;
  });
  const rows = props.rows.map(([first, ...others]) => {
    const tail = others.map((cell, index) => {
      const { label, kind } = columns[index + 1] ?? { label: '', kind: 'data' };
      return html`<td role="cell" class="${kind}" data-label="${label}">
<div class="cell">${cell}</div></td>`;
    });
    return html`<tr role="row"><th scope="row" role="rowheader">
<div class="cell">${first}</div></th>${tail}</tr>`;
  });
  return html`<table role="table"${props.look !== undefined ? html` class="dense ${props.look}"` : props.isDense === true && html` class="dense"`}><caption class="unseen">${props.caption}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">${rows}</tbody></table>`;
}

/** Rows that most people need not see, behind one click; nothing where there are none. */
export function foldedTable(props: Table): Part {
  return props.rows.length > 0 && disclosure({ summary: props.caption, body: dataTable(props) });
}

/** Ways on through a long list. */
export function pager(props: { newerUrl?: string | undefined; olderUrl?: string | undefined }): Html {
  const to = (url: string | undefined, label: string, rel: 'prev' | 'next') =>
    url !== undefined && html`<a class="button quiet" href="${url}" rel="${rel}">${label}</a>`;
  return html`<nav class="pager" aria-label="Pages">
${to(props.newerUrl, 'Newer', 'prev')}${to(props.olderUrl, 'Older', 'next')}</nav>`;
}
