import { type Html, html } from './html.ts';
import { buttons } from './kit/buttons.ts';
import { confirmPage, VIEWER_FIELD } from './kit/form-pages.ts';
import type { Site, Viewer } from './layout.ts';

/** What can be done to several tokens at once. */
export type ChosenAct = 'pause' | 'resume' | 'revoke';

/** What the list says afterwards. */
export const CHOSEN_DONE: Record<string, string> = {
  'chosen-pause': 'The chosen tokens are paused. Every call with them is refused until you resume them.',
  'chosen-resume': 'The chosen tokens work again.',
  'chosen-revoke': 'The chosen tokens were revoked. Every call with them is refused from now on.',
};

/** Stands for the list in the form below it, for the boxes stand inside a table. */
const FORM_ID = 'chosen-tokens';

type Chosen = { id: string; name: string; replacedBy?: string | undefined };

/** An old value has the name of the new one too. */
function nameOf({ name, replacedBy }: Chosen): string {
  return replacedBy === undefined ? name : `${name} (old value)`;
}

/** Which tokens are meant, each in the direction in which its own script is read. */
export function namesOf(tokens: readonly Chosen[]): Html {
  const names = tokens.map((token, index) => html`${index > 0 && ', '}<bdi>${nameOf(token)}</bdi>`);
  return html`These are: ${names}.`;
}

/** The box by which a token of the list is chosen. */
export function chooseBox(token: Chosen, isChosen: boolean): Html {
  return html`<input class="choose" type="checkbox" name="token" value="${token.id}" form="${FORM_ID}"${isChosen && html` checked`} aria-label="Choose ${nameOf(token)}"> `;
}

/** What is done to the chosen ones; each asks once more. */
export function chosenForm(viewer: Viewer): Html {
  const act = (value: ChosenAct, label: string) =>
    html`<button class="quiet" type="submit" name="act" value="${value}">${label}</button>`;
  return html`<form method="post" action="/tokens" id="${FORM_ID}" class="chosen"><input type="hidden" name="${VIEWER_FIELD}" value="${viewer.email}">
<p class="fine">With the chosen ones:</p>${buttons(
    act('pause', 'Pause…'),
    act('resume', 'Resume…'),
    act('revoke', 'Revoke…'),
  )}</form>`;
}

const WORDS: Record<ChosenAct, { verb: string; consequences: readonly string[] }> = {
  pause: {
    verb: 'Pause',
    consequences: [
      'Whatever uses one of them is refused from the very next call on, until you resume it.',
      'They keep their names and settings, and expire when they would have.',
    ],
  },
  resume: { verb: 'Resume', consequences: ['They work again from the next call on, as they did before.'] },
  revoke: {
    verb: 'Revoke',
    consequences: [
      'Whatever uses one of them stops working with the very next call.',
      'They cannot be brought back.',
    ],
  },
};

/** Asks once more before something is done to several tokens, and names them. */
export function chosenTokensPage(
  site: Site,
  viewer: Viewer,
  { act, tokens }: { act: ChosenAct; tokens: readonly Chosen[] },
): Html {
  const { verb, consequences } = WORDS[act];
  const [first] = tokens;
  const what =
    tokens.length === 1 && first !== undefined ? `the token “${nameOf(first)}”` : `${tokens.length} tokens`;
  const ids = tokens.map(({ id }) => html`<input type="hidden" name="token" value="${id}">`);
  return confirmPage(site, viewer, {
    title: `${verb} ${what}?`,
    consequences: [namesOf(tokens), ...consequences],
    action: '/tokens',
    fields: { act, confirmed: 'yes' },
    inputs: ids,
    confirmLabel: tokens.length === 1 ? `${verb} this token` : `${verb} these tokens`,
    current: '/tokens',
    danger: act === 'revoke',
  });
}
