import { WORKFLOW_COUNT_DAYS } from '../../server/ground/limits.ts';
import { type Html, html, type Part } from '../html.ts';
import { badge } from '../kit/notices.ts';
import { keyValues, section } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { layout, type Site, type Viewer } from '../layout.ts';

type ValueView = { name: string; type: string; limits: readonly string[]; required: boolean };

type WorkflowView = {
  name: string;
  description: string;
  callers: 'anyone' | 'account' | 'admin';
  method: string;
  path: string;
  scope: string | undefined;
  parameters: readonly (ValueView & { places: readonly string[]; description: string; example: unknown })[];
  types: readonly string[];
  calls: number;
  errors: readonly { result: string; count: number }[];
};

export type TypeView = { name: string; description: string; fields: readonly ValueView[] };

type GoneScopeView = { name: string; services: number; apps: number; tokens: number };

const PATH = '/admin/workflows';
const LATELY = `in the last ${WORKFLOW_COUNT_DAYS} days`;

/** /admin/workflows */
export function workflowsPage(
  site: Site,
  viewer: Viewer,
  {
    workflows,
    types,
    gone,
  }: { workflows: readonly WorkflowView[]; types: readonly TypeView[]; gone: readonly GoneScopeView[] },
): Html {
  return layout(site, {
    title: 'Workflows and types',
    lead: html`As they are declared in your own folder. Calls without a token are not counted.`,
    viewer,
    current: PATH,
    body: [
      gone.length > 0 && goneSection(gone),
      dataTable({
        caption: 'Workflows',
        columns: ['Workflow', 'Who may call', `Calls ${LATELY}`, 'Of them refused or failed'],
        rows: workflows.map((workflow) => [
          html`<a href="${PATH}/${workflow.name}">${workflow.name}</a><br><span class="fine">${workflow.description}</span>`,
          callersOf(workflow),
          workflow.calls.toLocaleString('en'),
          errorsOf(workflow),
        ]),
      }),
      types.map(typeSection),
    ],
  });
}

function goneSection(gone: readonly GoneScopeView[]): Html {
  return section({
    title: 'Scopes that nothing declares any more',
    lead: 'They open nothing. Declare their workflows again, or have those who hold them choose others.',
    body: dataTable({
      caption: 'Scopes that nothing declares any more',
      columns: ['Scope', 'Services', 'Apps', 'Tokens'],
      rows: gone.map(({ name, services, apps, tokens }) => [
        html`<code>${name}</code>`,
        String(services),
        String(apps),
        String(tokens),
      ]),
    }),
  });
}

function callersOf({ callers, scope }: WorkflowView): Part {
  if (callers === 'anyone') return 'Anyone, without a token';
  const who = callers === 'admin' ? html`${badge('admin', 'Admin')} services` : 'Everybody with a token';
  return html`${who}<br><span class="fine">with <code>${scope}</code></span>`;
}

function errorsOf({ calls, errors }: WorkflowView): string {
  const count = errors.reduce((sum, error) => sum + error.count, 0);
  return count === 0 ? 'None' : `${count.toLocaleString('en')} (${shareOf(count, calls)})`;
}

function shareOf(count: number, calls: number): string {
  const share = (100 * count) / calls;
  return share < 1 ? 'under 1 %' : `${Math.round(share)} %`;
}

function typeSection({ name, description, fields }: TypeView): Html {
  return section({
    title: `Type ${name}`,
    lead: html`${description}. <a href="/admin/types/${name}">Rules of ${name}, and what they let somebody do</a>`,
    body: dataTable({
      caption: `Fields of ${name}`,
      columns: ['Field', 'What it holds', 'Limits', 'Needed'],
      rows: fields.map((field) => [html`<code>${field.name}</code>`, ...valueCells(field)]),
    }),
  });
}

export function valueCells({ type, limits, required }: ValueView): Part[] {
  return [type, limits.join(', '), required ? 'Yes' : 'No'];
}

/** /admin/workflows/NAME */
export function workflowPage(site: Site, viewer: Viewer, workflow: WorkflowView): Html {
  const { name, description, method, path, parameters, types, calls, errors } = workflow;
  return layout(site, {
    title: name,
    lead: description,
    viewer,
    current: PATH,
    back: { label: 'Workflows and types', url: PATH },
    body: [
      section({
        title: 'How it is called',
        body: keyValues([
          { label: 'Address', value: html`<code>${method} ${path}</code>` },
          { label: 'Who may call', value: callersOf(workflow) },
          { label: 'Stores', value: types.length === 0 ? undefined : types.join(', ') },
          { label: `Calls ${LATELY}`, value: calls.toLocaleString('en') },
        ]),
      }),
      section({
        title: 'Parameters',
        body: dataTable({
          caption: 'Parameters',
          columns: ['Parameter', 'What it holds', 'Limits', 'Needed', 'Read from', 'Example'],
          rows: parameters.map((one) => [
            html`<code>${one.name}</code><br><span class="fine">${one.description}</span>`,
            ...valueCells(one),
            one.places.join(' or '),
            html`<code>${JSON.stringify(one.example) ?? ''}</code>`,
          ]),
          empty: { title: 'No parameters', text: 'It is called without any.' },
        }),
      }),
      errors.length > 0 &&
        section({
          title: `Refused or failed ${LATELY}`,
          body: dataTable({
            caption: 'Errors',
            columns: ['Error', 'Calls', 'Of all'],
            rows: errors.map(({ result, count }) => [
              html`<code>${result}</code>`,
              count.toLocaleString('en'),
              shareOf(count, calls),
            ]),
          }),
        }),
    ],
  });
}
