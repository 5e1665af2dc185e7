import { BOUNDS_MAX, IDLE_DAYS_MAX, IDLE_WARNING_DAYS_MAX, IP_RANGES_MAX } from '../server/ground/limits.ts';
import { type FormProblem, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { code } from './kit/code.ts';
import { field, textArea } from './kit/fields.ts';
import { formPage } from './kit/form-pages.ts';
import { bulletList, disclosure } from './kit/sections.ts';
import type { Site, Viewer } from './layout.ts';
import type { TokenView } from './tokens.ts';

/** What was typed to narrow a token: ranges and bounds one a line. */
export type NarrowingForm = { ipRanges: string; idleDays: string; origin: string; bounds: string };

/** Numbers of workflows that a bound may name, like `create_transaction.amount`. */
type Boundable = readonly string[];

/** Enough to see how it is written; the documentation of a workflow has its own. */
const SHOWN_MAX = 10;

type Props = { form: NarrowingForm; problem: FormProblem | undefined; boundable: Boundable };

/** Behind one click, but open as soon as something is written there. */
export function narrowingDisclosure(props: Props): Html {
  const { form, problem } = props;
  const isUsed = [form.ipRanges, form.idleDays, form.origin, form.bounds].some((text) => text.trim() !== '');
  const isWrong = NAMES.some((name) => problemAt(problem, name) !== undefined);
  return disclosure({ summary: 'Narrow it further', open: isUsed || isWrong, body: narrowingFields(props) });
}

const NAMES = ['ipRanges', 'idleDays', 'origin', 'bounds'] as const;

function narrowingFields({ form, problem, boundable }: Props): Html {
  return html`${textArea({
    label: 'Only from these addresses (optional)',
    name: 'ipRanges',
    value: form.ipRanges,
    hint: html`IP addresses or ranges, one a line, at most ${IP_RANGES_MAX}: ${code('203.0.113.7')} or ${code('2001:db8::/32')}.`,
    problem: problemAt(problem, 'ipRanges'),
  })}${field({
    label: 'End it when it is not used for so many days (optional)',
    name: 'idleDays',
    value: form.idleDays,
    hint: `From 1 to ${IDLE_DAYS_MAX}. You get a mail before, up to ${IDLE_WARNING_DAYS_MAX} days ahead.`,
    problem: problemAt(problem, 'idleDays'),
    autocomplete: 'off',
  })}${field({
    label: 'Only from pages of this web origin (optional)',
    name: 'origin',
    value: form.origin,
    hint: html`For code in a browser, like ${code('https://app.example.com')}. Scripts cannot use the token then.`,
    problem: problemAt(problem, 'origin'),
    autocomplete: 'off',
  })}${textArea({
    label: 'Bounds (optional)',
    name: 'bounds',
    value: form.bounds,
    hint: boundsHint(boundable),
    problem: problemAt(problem, 'bounds'),
  })}`;
}

function boundsHint(boundable: Boundable): Part {
  const [first = 'create_transaction.amount'] = boundable;
  const [workflow = ''] = first.split('.');
  const shown = boundable.slice(0, SHOWN_MAX).join(', ');
  const rest = boundable.length > SHOWN_MAX ? ', …' : '';
  return html`One a line, at most ${BOUNDS_MAX}: how far a number may go (${code(`${first} <= 100`)}), and how often a workflow may
be called a day (${code(`${workflow} = 20/day`)}).${shown !== '' && ` Numbers that there are: ${shown}${rest}.`}`;
}

/** What narrows a token, below what it allows. */
export function narrowsOf({ narrows }: Pick<TokenView, 'narrows'>): Part {
  return narrows.length > 0 && html`<div class="fine">${bulletList(narrows)}</div>`;
}

/** Where a token that is there already is narrowed. */
export function narrowTokenPage(site: Site, viewer: Viewer, props: Props & { token: TokenView }): Html {
  const { token, problem } = props;
  return formPage(site, viewer, {
    title: `Narrow the token “${token.name}”`,
    lead: 'It holds from the next call on. What you leave empty is not narrowed.',
    current: '/tokens',
    problem,
    action: `/tokens/${token.id}/narrow`,
    inputs: [narrowingFields(props)],
    submitLabel: 'Save',
    cancelUrl: `/tokens/${token.id}`,
  });
}
