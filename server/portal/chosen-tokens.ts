import type { RouterContext } from '@koa/router';
import { type ChosenAct, chosenTokensPage } from '../../views/chosen-tokens.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Account } from '../accounts/account.ts';
import { type Credential, type CredentialState, stateOf } from '../credentials/credential.ts';
import { Problem } from '../ground/errors.ts';
import { readForm } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { pathOfForm } from '../pages/form-in-query.ts';
import { showRefusal } from '../pages/refused-form.ts';
import type { PortalDependencies } from './dependencies.ts';
import { doOnce } from './owned.ts';

/** To tokens of which state each act does something. */
const ACTS: Record<ChosenAct, readonly CredentialState[]> = {
  pause: ['live'],
  resume: ['paused'],
  revoke: ['live', 'paused'],
};

/**
 * The form of /tokens: asks once more before something is done to the chosen tokens, and then does it. Of what somebody
 * else owns nothing is done to any of them.
 */
export function createChosenTokens(
  parts: PortalDependencies,
  listPage: (ctx: RouterContext, account: Account, problem: FormProblem) => Promise<Html>,
) {
  const { site, signedIn, tokens, clock } = parts;

  async function act(
    name: ChosenAct,
    chosen: readonly Credential[],
    account: Account,
    ctx: RouterContext,
  ): Promise<void> {
    const actor = actorOf(ctx, account.id);
    const ids = chosen.map(({ id }) => id);
    if (name === 'revoke') return void (await tokens.revokeEach(account.id, ids, actor));
    for (const id of ids) await tokens[name]({ accountId: account.id, id }, actor);
  }

  return async (ctx: RouterContext): Promise<void> => {
    const sent = await readForm(ctx);
    const ids = [...new Set(sent.all('token'))];
    const { account } = await signedIn.account(ctx, pathOfForm('/tokens', { token: ids }));
    const name = sent.one('act');
    const isConfirmed = sent.one('confirmed') === 'yes';
    try {
      if (!isAct(name)) throw nothingToDo('Nothing to do is chosen.', 'Use the buttons below the list.');
      const rows = await Promise.all(ids.map((id) => tokens.get({ accountId: account.id, id })));
      // What an admin paused, its owner does not resume.
      const isLeft = (row: Credential) => name === 'resume' && row.pausedByAdmin === true && !account.admin;
      const chosen = rows.filter((row) => ACTS[name].includes(stateOf(row, clock())) && !isLeft(row));
      if (isConfirmed) {
        await doOnce(parts, ctx, { account, sent }, async () => {
          await act(name, chosen, account, ctx);
          return `/tokens?done=chosen-${name}`;
        });
        return;
      }
      if (chosen.length === 0) throw noneChosen(name, rows.length);
      sendPage(ctx, chosenTokensPage(site, account, { act: name, tokens: chosen }));
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'NOTHING_TO_DO') throw error;
      await showRefusal(ctx, error, (problem) => listPage(ctx, account, problem));
    }
  };
}

function isAct(name: string): name is ChosenAct {
  return Object.hasOwn(ACTS, name);
}

function noneChosen(act: ChosenAct, count: number): Problem {
  if (count === 0)
    return nothingToDo(
      'No token is chosen.',
      'Tick the box beside each that you mean, and press the button again.',
    );
  const found =
    act === 'resume'
      ? 'None of the chosen tokens is paused, but for what an admin paused.'
      : 'None of the chosen tokens is live.';
  return nothingToDo(found, 'Choose others, or leave it as it is.');
}

function nothingToDo(message: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'NOTHING_TO_DO', message, hint });
}
