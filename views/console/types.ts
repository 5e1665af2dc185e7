import { SEARCH_LENGTH_MAX } from '../../server/ground/limits.ts';
import { type FormProblem, problemAt } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { submit } from '../kit/buttons.ts';
import { field } from '../kit/fields.ts';
import { VIEWER_FIELD } from '../kit/form-pages.ts';
import { badge, notice } from '../kit/notices.ts';
import { bulletList, disclosure, keyValues, section } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { type TypeView, valueCells } from './workflows.ts';

type RuleView = { name: string; gives: string; when: string };

/** Something in words, and whether it holds. */
export type GrantedView = { words: string; held: 'yes' | 'some' | 'no'; by: string };

/** What somebody may do with the records of a type, or with one of them. */
export type ExplainedView = {
  who: string;
  /** The page of the account, and of what acts for it. */
  links: readonly { label: string; url: string }[];
  scopes: readonly string[];
  obstacles: readonly string[];
  places: readonly string[];
  passes: readonly string[];
  finds: string;
  /** Its id, where one record was asked about. */
  record: string | undefined;
  rights: readonly { label: string; granted: GrantedView }[];
  fields: readonly { name: string; view: GrantedView; constrain: GrantedView; change: GrantedView }[];
  rules: readonly (RuleView & { held: GrantedView; because: readonly string[] })[];
};

/** What was asked; '' for what was left empty. */
export type ExplainAsked = { who: string; client: string; record: string };

type TypePage = {
  type: TypeView & {
    indexes: readonly (readonly string[])[];
    unique: readonly string[];
    onePerAccount: boolean;
    rules: readonly RuleView[];
  };
  /** How many records there are, as far as they were counted. */
  records: string;
  asked: ExplainAsked;
  explained?: ExplainedView | undefined;
  problem?: FormProblem | undefined;
};

const WORKFLOWS = '/admin/workflows';

/** /admin/types/NAME */
export function typePage(site: Site, viewer: Viewer, props: TypePage): Html {
  const { type, records, explained } = props;
  const { name, description, fields, indexes, unique, onePerAccount, rules } = type;
  const wholeFields = dataTable({
    caption: `Fields of ${name}`,
    columns: ['Field', 'What it holds', 'Limits', 'Needed'],
    rows: fields.map((one) => [html`<code>${one.name}</code>`, ...valueCells(one)]),
  });
  return layout(site, {
    title: `Type ${name}`,
    lead: description,
    viewer,
    current: WORKFLOWS,
    back: { label: 'Workflows and types', url: WORKFLOWS },
    body: [
      section({
        title: 'Records',
        body: keyValues([
          { label: 'How many', value: records },
          { label: 'Found fast by', value: indexes.map((one) => one.join(' + ')).join(', ') || undefined },
          { label: 'No two have the same', value: unique.join(', ') || undefined },
          { label: 'Of each account', value: onePerAccount && 'One at most' },
        ]),
      }),
      askSection(viewer, props),
      explained !== undefined && explainedSections(explained),
      explained === undefined && rulesSection(rules),
      explained === undefined
        ? section({ title: 'Fields', body: wholeFields })
        : disclosure({ summary: 'Fields as they are declared', body: wholeFields }),
    ],
  });
}

function rulesSection(rules: readonly RuleView[]): Html {
  return section({
    title: 'Rules',
    lead: 'What no rule gives, nobody may: only services of admins pass them, and workflows that say so.',
    body: dataTable({
      caption: 'Rules',
      columns: ['Rule', 'Holds where', 'Gives'],
      rows: rules.map(({ name, when, gives }) => [name, when, gives]),
      empty: { title: 'No rules', text: 'Nobody gets at the records but services of admins and workflows.' },
    }),
  });
}

function askSection(viewer: Viewer, { type, asked, problem }: TypePage): Html {
  const input = (label: string, name: keyof ExplainAsked, hint: string) =>
    field({
      label,
      name,
      value: asked[name],
      hint,
      problem: problemAt(problem, name),
      autocomplete: 'off',
      lengthMax: SEARCH_LENGTH_MAX,
    });
  const isAtField = problem?.parameter !== undefined && Object.hasOwn(asked, problem.parameter);
  return section({
    title: 'What may somebody do?',
    lead: 'Nothing is changed or called. Whoever made a record can read that you asked about it.',
    body: html`${problem !== undefined && !isAtField && notice('problem', problem.hint, problem.message)}
<form method="post" action="/admin/types/${type.name}"><input type="hidden" name="${VIEWER_FIELD}" value="${viewer.email}">
${input(
  'Who (optional)',
  'who',
  'E-mail address or id of an account; id, end or whole value of a token; id of a service. Empty: somebody without a token.',
)}${input('App (optional)', 'client', 'Id of the app that acts for this account.')}${input(
  'Record (optional)',
  'record',
  'Id of one record.',
)}<div class="buttons">${submit('Show what they may do')}</div></form>`,
  });
}

function explainedSections(explained: ExplainedView): Part {
  const { who, links, scopes, obstacles, places, passes, finds, record, rights, fields, rules } = explained;
  return [
    section({
      title: record === undefined ? 'What they may do' : 'What they may do with this record',
      body: [
        obstacles.length > 0 && notice('warning', obstacles.join(' '), 'Mind this:'),
        keyValues([
          {
            label: 'Who',
            value: html`<bdi>${who}</bdi>${links.map(({ label, url }) => html`<br><a href="${url}">${label}</a>`)}`,
          },
          { label: 'Scopes', value: scopes.length > 0 && scopes.map((one) => html`<code>${one}</code> `) },
          { label: 'Works', value: places.length > 0 && places.join(', ') },
          { label: 'Past the rules', value: passes.join(' ') },
          { label: 'Finds', value: finds },
          { label: 'Record', value: record !== undefined && html`<code>${record}</code>` },
          ...rights.map(({ label, granted }) => ({ label, value: grantedCell(granted) })),
        ]),
      ],
    }),
    section({
      title: 'Rules for them',
      body: dataTable({
        caption: 'Rules for them',
        columns: ['Rule', 'Holds', 'Gives', 'Because'],
        rows: rules.map((rule) => [
          html`${rule.name}<br><span class="fine">${rule.when}</span>`,
          grantedCell(rule.held),
          rule.gives,
          rule.because.length > 0 && bulletList(rule.because),
        ]),
        empty: { title: 'No rules', text: 'There is nothing to hold.' },
      }),
    }),
    section({
      title: 'Fields for them',
      body: dataTable({
        caption: 'Fields for them',
        columns: ['Field', 'Sees', 'Searches and sorts by', 'Changes'],
        rows: fields.map(({ name, view, constrain, change }) => [
          html`<code>${name}</code>`,
          grantedCell(view),
          grantedCell(constrain),
          grantedCell(change),
        ]),
      }),
    }),
  ];
}

const BADGES = { yes: 'active', some: 'neutral', no: 'revoked' } as const;

function grantedCell({ words, held, by }: GrantedView): Html {
  return html`${badge(BADGES[held], words)}${by !== '' && html`<br><span class="fine">${by}</span>`}`;
}
