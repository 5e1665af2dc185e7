import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import { type NarrowingForm, narrowTokenPage } from '../../views/token-narrowing.ts';
import type { Account } from '../accounts/account.ts';
import { type Credential, hasEnded } from '../credentials/credential.ts';
import { type Narrowing, typedNarrowing, type WantedNarrowing } from '../credentials/narrowing.ts';
import { type Scope, workflowOf } from '../credentials/scopes.ts';
import { Problem } from '../ground/errors.ts';
import { type Form, readForm } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { formInQuery, isFilledIn, pathOfForm } from '../pages/form-in-query.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { tokenView } from '../pages/view-models.ts';
import type { PortalDependencies } from './dependencies.ts';
import { doOnce, ownedIn } from './owned.ts';

/** /tokens/:id/narrow. For the freshly signed in: what is taken out of the form widens the token. */
export function createTokenNarrowingPages(parts: PortalDependencies) {
  const { site, clock, signedIn, tokens, scopes } = parts;

  function page(account: Account, row: Credential, form: NarrowingForm, problem?: FormProblem) {
    const token = tokenView(row, clock(), scopes.describe);
    const held = scopes.forTokens.filter(({ name }) => row.scopes.includes(name));
    return narrowTokenPage(site, account, { token, form, problem, boundable: boundableIn(parts, held) });
  }

  return {
    async show(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const row = await tokens.get(ownedIn(ctx, account));
      requireChangeable(row, clock());
      const form = isFilledIn(ctx) ? narrowingFormIn(formInQuery(ctx)) : narrowingFormOf(row.narrowing);
      sendPage(ctx, page(account, row, form));
    },

    async narrow(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = narrowingFormIn(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm(ctx.path, form));
      const which = ownedIn(ctx, account);
      const row = await tokens.get(which);
      requireWhole(sent);
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          await tokens.narrow(which, wantedNarrowing(form), actorOf(ctx, account.id));
          return `/tokens/${row.id}?done=changed`;
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => page(account, row, form, problem));
      }
    },
  };
}

/** Throws Problem 409 for a token whose form could not be sent. */
export function requireChangeable(row: Credential, now: number): void {
  if (!hasEnded(row, now) && row.replacedBy === undefined) return;
  throw new Problem({
    status: 409,
    code: 'NOT_LIVE',
    message:
      'This token cannot be changed any more: it has ended, or a rotation put another one in its place.',
    hint: 'Look at the list for the one that is live.',
  });
}

/** What is missing would count as blank, and widen the token. */
function requireWhole(sent: Form): void {
  if (Object.keys(narrowingFormIn(sent)).every((name) => sent.all(name).length === 1)) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_REQUEST',
    message: 'The form did not arrive whole, so nothing was changed.',
    hint: 'Open the page again and send it from there.',
  });
}

/** The numbers of the workflows that these scopes call, as a bound names them. */
export function boundableIn(
  { scopes }: Pick<PortalDependencies, 'scopes'>,
  among: readonly Scope[],
): string[] {
  return among.flatMap(({ name }) => {
    const workflow = workflowOf(name) ?? '';
    return (scopes.numbersOf(workflow) ?? []).map((parameter) => `${workflow}.${parameter}`);
  });
}

/** What was typed. */
export function narrowingFormIn(sent: Form): NarrowingForm {
  return {
    ipRanges: sent.one('ipRanges'),
    idleDays: sent.one('idleDays'),
    origin: sent.one('origin'),
    bounds: sent.one('bounds'),
  };
}

/** What there is, as it would be typed. */
export function narrowingFormOf(narrowing: Narrowing | undefined): NarrowingForm {
  const { ipRanges, bounds, ...rest } = typedNarrowing(narrowing);
  return { ...rest, ipRanges: ipRanges.join('\n'), bounds: bounds.join('\n') };
}

export function wantedNarrowing({ ipRanges, bounds, idleDays, origin }: NarrowingForm): WantedNarrowing {
  return { ipRanges: ipRanges.split(/[\n,]/), bounds: bounds.split(/\n/), idleDays, origin };
}
