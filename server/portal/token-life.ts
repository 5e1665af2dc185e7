import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import {
  editTokenPage,
  notRotatablePage,
  type OldValueView,
  rotateTokenPage,
  type TokenEditForm,
  tokenPage,
  UNTIL_END,
} from '../../views/token-life.ts';
import type { Account } from '../accounts/account.ts';
import { type Credential, hasEnded, stateOf } from '../credentials/credential.ts';
import { isWider } from '../credentials/token-changes.ts';
import { Problem } from '../ground/errors.ts';
import { type Form, readForm } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formInQuery, isFilledIn, pathOfForm } from '../pages/form-in-query.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { scopeView, tokenView } from '../pages/view-models.ts';
import type { PortalDependencies } from './dependencies.ts';
import { confirm, doOnce, ownedIn } from './owned.ts';
import { narrowingFormOf, requireChangeable } from './token-narrowing.ts';

/**
 * /tokens/:id: one token, and what its owner does to it while it lives. Rotating is for the freshly signed in, as is
 * giving it more scopes: both put more into somebody's hand than was there.
 */
export function createTokenLifePages(parts: PortalDependencies) {
  const { site, clock, signedIn, tokens } = parts;

  /** A button of the token's page: it comes back there, also after a sign-in. */
  const button = (act: typeof tokens.pause, done: string) => (ctx: RouterContext) => {
    const page = `/tokens/${ctx.params.id}`;
    return confirm(ctx, () => signedIn.account(ctx, page), act, `${page}?done=${done}`);
  };

  return {
    async show(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const row = await tokens.get(ownedIn(ctx, account));
      const [token, old] = await Promise.all([viewOf(parts, row), oldValueOf(parts, row)]);
      sendPage(ctx, tokenPage(site, account, { token, old, now: clock(), done: queryOne(ctx, 'done') }));
    },

    pause: button(tokens.pause, 'paused'),
    resume: button(tokens.resume, 'resumed'),

    ...rotatePages(parts),
    ...editPages(parts),
  };
}

function rotatePages(parts: PortalDependencies) {
  const { site, clock, signedIn, tokens, shownOnce } = parts;

  async function page(account: Account, row: Credential, overlap: string, problem?: FormProblem) {
    return rotateTokenPage(site, account, {
      token: await viewOf(parts, row),
      overlap,
      problem,
      now: clock(),
    });
  }

  return {
    async showRotate(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const row = await tokens.get(ownedIn(ctx, account));
      if (stateOf(row, clock()) !== 'live' || row.replacedBy !== undefined) {
        const { name, note = '', scopes } = row;
        const anewUrl = pathOfForm('/tokens/new', {
          ...{ name, note, scopes },
          ...narrowingFormOf(row.narrowing),
        });
        const token = await viewOf(parts, row);
        return sendPage(ctx, notRotatablePage(site, account, { token, anewUrl }), 409);
      }
      shownOnce.prepare(ctx);
      sendPage(ctx, await page(account, row, formInQuery(ctx).one('overlap')));
    },

    async rotate(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const overlap = sent.one('overlap');
      const { account } = await signedIn.fresh(ctx, pathOfForm(ctx.path, { overlap }));
      const which = ownedIn(ctx, account);
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          const overlapSeconds = overlapIn(overlap, await tokens.get(which), clock());
          const wanted = { account, overlapSeconds };
          const { credential, value } = await tokens.rotate(which, wanted, actorOf(ctx, account.id));
          const title = `The token “${credential.name}” has a new value`;
          const othersEndAt = credential.createdAt + overlapSeconds;
          await shownOnce.keep(
            ctx,
            { id: credential.id, accountId: account.id },
            { title, value, othersEndAt },
          );
          return `/tokens/${credential.id}/value`;
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, async (problem) =>
          page(account, await tokens.get(which), overlap, problem),
        );
      }
    },
  };
}

/** In seconds; NaN, which no rotation takes, for what is no number. */
function overlapIn(overlap: string, { expiresAt }: Credential, now: number): number {
  if (overlap === UNTIL_END && expiresAt !== undefined) return Math.max(0, expiresAt - now);
  return /^\d{1,8}$/.test(overlap) ? Number(overlap) : Number.NaN;
}

function editPages(parts: PortalDependencies) {
  const { site, signedIn, tokens, scopes, clock } = parts;

  async function page(account: Account, row: Credential, form: TokenEditForm, problem?: FormProblem) {
    const choices = scopes.forTokens.map(scopeView);
    return editTokenPage(site, account, { token: await viewOf(parts, row), form, scopes: choices, problem });
  }

  return {
    async showEdit(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const row = await tokens.get(ownedIn(ctx, account));
      requireChangeable(row, clock());
      const form = isFilledIn(ctx) ? editFormOf(formInQuery(ctx)) : { ...row, note: row.note ?? '' };
      sendPage(ctx, await page(account, row, form));
    },

    async edit(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = editFormOf(sent);
      const { account } = await signedIn.account(ctx, pathOfForm(ctx.path, form));
      const which = ownedIn(ctx, account);
      const row = await tokens.get(which);
      const onlyNarrower = !isWider(form.scopes, row);
      if (!onlyNarrower) await signedIn.fresh(ctx, pathOfForm(ctx.path, form));
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          await tokens.edit(which, { ...form, onlyNarrower }, actorOf(ctx, account.id));
          return `/tokens/${row.id}?done=changed`;
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => page(account, row, form, problem));
      }
    },
  };
}

function editFormOf(sent: Form): TokenEditForm {
  return { name: sent.one('name'), note: sent.one('note'), scopes: sent.all('scopes') };
}

async function viewOf({ clock, scopes, clients }: PortalDependencies, row: Credential) {
  const issuer = row.issuedBy && ((await clients.get(row.issuedBy))?.name ?? row.issuedBy);
  return tokenView(row, clock(), scopes.describe, issuer);
}

/** The old value that still stands beside this token, or is this token, with its use since the rotation. */
async function oldValueOf(parts: PortalDependencies, row: Credential): Promise<OldValueView | undefined> {
  const { clock, tokens, usage } = parts;
  const { accountId, replaces, replacedBy } = row;
  const other = (id: string) => tokens.get({ accountId, id }).catch(noneIfGone);
  const old = replacedBy !== undefined ? row : replaces === undefined ? undefined : await other(replaces);
  if (old === undefined || hasEnded(old, clock())) return undefined;
  const rotatedAt = (replacedBy === undefined ? row : await other(replacedBy))?.createdAt ?? old.createdAt;
  const used = await usage.of({ accountId, about: { tokenId: old.id }, since: rotatedAt });
  return { token: await viewOf(parts, old), rotatedAt, usage: used };
}

/** What is long dead is no longer on record. */
function noneIfGone(error: unknown): undefined {
  if (error instanceof Problem && error.status === 404) return undefined;
  throw error;
}
