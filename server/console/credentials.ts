import type { RouterContext } from '@koa/router';
import type { EntryView } from '../../views/activity.ts';
import {
  type CredentialInConsole,
  credentialActPage,
  credentialPage,
  credentialsPage,
  revokeChosenPage,
} from '../../views/console/credentials.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Entry } from '../activity/activity.ts';
import { changeInWords, resultOf } from '../activity/entry-words.ts';
import type { Credential } from '../credentials/credential.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { USED_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { readForm } from '../http/body.ts';
import { nothingHere } from '../http/error-response.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryAll, queryOne } from '../http/query.ts';
import { wholeList } from '../management/by-key.ts';
import { CREDENTIAL_ACTS, type CredentialAct } from '../management/credential-acts.ts';
import { CREDENTIAL_STATES } from '../management/credential-list.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { countsView, tokenView } from '../pages/view-models.ts';
import { adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { listAsked, pageAskedIn, pathWith, searchIn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';

const PATH = '/admin/credentials';
const KINDS = ['personal_access_token', 'client_secret'] as const;
/** Calls and changes on the page of one. */
const ENTRIES_SHOWN = 10;

/** /admin/credentials: everybody's tokens and secrets, one of them, and what is done to them. */
export function createCredentialPages(parts: ConsoleDependencies) {
  const { site, credentialActs, clock } = parts;

  return {
    ...listPages(parts),

    async show(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const row = await credentialIn(parts, ctx);
      const [credential, use, entries] = await Promise.all([
        viewOf(parts, row),
        usageOf(parts, row),
        entriesOf(parts, row),
      ]);
      const types = [...parts.types.keys()];
      const facts = { credential, types, use, entries, now: clock(), done: queryOne(ctx, 'done') };
      sendPage(ctx, credentialPage(site, admin, facts));
    },

    async showAct(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const { act, row } = await credentialActIn(parts, ctx);
      const admin = await freshAdminOf(parts, ctx);
      const credential = await viewOf(parts, row);
      const facts = { act, credential, now: clock(), reason: '', problem: undefined };
      sendPage(ctx, credentialActPage(site, admin, facts));
    },

    act: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => credentialActIn(parts, ctx),
        async act({ act, row }, manager) {
          await credentialActs.do(act, row, manager);
          return `${PATH}/${row.id}?done=${act}`;
        },
        page: async ({ act, row }, { viewer, problem, sent }) => {
          const credential = await viewOf(parts, row);
          const facts = { act, credential, now: clock(), reason: sent.one('reason'), problem };
          return credentialActPage(site, viewer, facts);
        },
      }),

    ...chosenPages(parts),
  };
}

function listPages(parts: ConsoleDependencies) {
  const { site, credentialList, leaks, clock } = parts;

  async function page(ctx: RouterContext, wanted: { q: string; problem?: FormProblem }) {
    const admin = await adminOf(parts, ctx);
    const { q, problem } = wanted;
    const kind = KINDS.find((one) => one === queryOne(ctx, 'kind'));
    const state = CREDENTIAL_STATES.find((one) => one === queryOne(ctx, 'state'));
    const asked = pageAskedIn(ctx);
    const typed = q === '' ? {} : await credentialList.read(q);
    const { rows, ...ways } =
      typed === undefined || problem !== undefined
        ? wholeList([])
        : await credentialList.list({ ...typed, kind, state }, asked);
    return credentialsPage(site, admin, {
      credentials: await Promise.all(rows.map((row) => viewOf(parts, row))),
      asked: listAsked(PATH, { q, kind, state }, asked, ways),
      now: clock(),
      done: queryOne(ctx, 'done'),
      problem,
    });
  }

  return {
    async list(ctx: RouterContext): Promise<void> {
      sendPage(ctx, await page(ctx, { q: searchIn(ctx) }));
    },

    /**
     * Takes what is searched for as a form, for it may be a whole value, also one of foreign form: that is looked up by its
     * hash, and stands in no address, no page and no log. What is no value but found by goes on to the list.
     */
    async search(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      await adminOf(parts, ctx);
      // What pages show of a value stands before its last four characters.
      const q = sent
        .one('q')
        .trim()
        .replace(/^.*(?:…|\.{3})/, '');
      try {
        const { id, kind } = (q !== '' && (await leaks.identify(q))) || {};
        if (kind === 'access_token' || kind === 'refresh_token')
          return seeOther(ctx, pathWith(PATH, { q: id, done: kind }));
        if (id !== undefined) return seeOther(ctx, `${PATH}/${id}`);
        if (q !== '' && (await credentialList.read(q)) === undefined) throw nothingFound();
        seeOther(ctx, pathWith(PATH, { q, kind: sent.one('kind'), state: sent.one('state') }));
      } catch (error) {
        await showRefusal(ctx, error, (problem) => page(ctx, { q: '', problem }));
      }
    },
  };
}

/** Several are revoked at once, from the boxes of a list. */
function chosenPages(parts: ConsoleDependencies) {
  const { site, credentialActs, clock } = parts;

  const views = (rows: readonly Credential[]) => Promise.all(rows.map((row) => viewOf(parts, row)));

  return {
    async showRevoke(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const rows = await credentialActs.chosen(queryAll(ctx, 'credential'));
      if (rows.length === 0) return seeOther(ctx, `${PATH}?done=none`);
      const admin = await freshAdminOf(parts, ctx);
      const facts = { credentials: await views(rows), now: clock(), reason: '', problem: undefined };
      sendPage(ctx, revokeChosenPage(site, admin, facts));
    },

    revoke: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: async () => undefined,
        async act(_found, manager, sent) {
          const chosen = await credentialActs.chosen(idsIn(sent.one('credentials')));
          await credentialActs.revokeEach(chosen, manager);
          return `${PATH}?done=chosen`;
        },
        page: async (_found, { viewer, problem, sent }) => {
          const credentials = await views(await credentialActs.chosen(idsIn(sent.one('credentials'))));
          return revokeChosenPage(site, viewer, {
            ...{ credentials, now: clock(), reason: sent.one('reason'), problem },
          });
        },
      }),
  };
}

function idsIn(sent: string): string[] {
  return sent.split(',').filter((id) => id !== '');
}

async function credentialIn(
  { credentialList }: Pick<ConsoleDependencies, 'credentialList'>,
  ctx: RouterContext,
): Promise<Credential> {
  const row = await credentialList.get(ctx.params.credentialId ?? '');
  if (row === undefined) throw noSuch('token or secret');
  return row;
}

/** A secret is only revoked. */
async function credentialActIn(
  parts: ConsoleDependencies,
  ctx: RouterContext,
): Promise<{ act: CredentialAct; row: Credential }> {
  const act = CREDENTIAL_ACTS.find((one) => one === ctx.params.act);
  const row = await credentialIn(parts, ctx);
  if (act === undefined || (row.kind === 'client_secret' && act !== 'revoke')) throw nothingHere(ctx);
  return { act, row };
}

async function viewOf(parts: ConsoleDependencies, row: Credential): Promise<CredentialInConsole> {
  const { rows, accounts, scopes, clock } = parts;
  const { kind, accountId, clientId, issuedBy } = row;
  const [account, client, issuer] = await Promise.all([
    accounts.get(accountId),
    clientId === undefined ? undefined : rows.clients.get(clientId),
    issuedBy === undefined ? undefined : rows.clients.get(issuedBy),
  ]);
  const allowed = { ...row, scopes: client?.scopes ?? row.scopes };
  const view = tokenView(allowed, clock(), scopes.describe, issuedBy && (issuer?.name ?? issuedBy));
  return { ...view, kind, accountId, owner: account?.email, metadata: row.metadata, client };
}

/** Of a secret that of its service, whose calls are its owner's. */
async function usageOf({ usage, callCounts, rows, clock }: ConsoleDependencies, row: Credential) {
  const { id, kind, accountId, clientId = '' } = row;
  if (kind === 'client_secret' && (await rows.clients.get(clientId))?.kind !== 'service') return undefined;
  const about = kind === 'client_secret' ? { clientId } : { tokenId: id };
  const before = clock() + 1;
  const since = before - USED_DAYS * DAY_SECONDS;
  const [latest, counts] = await Promise.all([
    usage.of({ accountId, about, since }),
    callCounts.of({ accountId, about, from: since, before }),
  ]);
  return {
    latest,
    counts: countsView(counts),
  };
}

async function entriesOf({ activity }: ConsoleDependencies, row: Credential): Promise<EntryView[]> {
  const { id, accountId, clientId } = row;
  const about = clientId === undefined ? { tokenId: id } : { clientId, secretIds: [id] };
  const { entries } = await activity.list({ accountId, about, limit: ENTRIES_SHOWN });
  return entries.map(entryView);
}

function entryView(entry: Entry): EntryView {
  if (entry.kind === 'call') {
    const { at, method, path, tokenName, ms, from, requestId, privacyBypassed = false, hidden } = entry.call;
    const what = `${method} ${path}`;
    return {
      at,
      what,
      name: tokenName,
      ...resultOf(entry.call),
      ms,
      from,
      requestId,
      privacyBypassed,
      hidden,
    };
  }
  const { at, actor, targetName } = entry.change;
  const { from = '', requestId = '', reason } = actor;
  const what = `${changeInWords(entry.change)}${reason === undefined ? '' : ` (reason: ${reason})`}`;
  return {
    at,
    what,
    name: targetName,
    result: 'Done',
    succeeded: true,
    from,
    requestId,
    privacyBypassed: false,
  };
}

function nothingFound(): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message:
      'Nothing is found by this: it is no value of a token or a secret, and nobody’s e-mail address or id.',
    hint: 'A value may be cut off, or so long dead that it is no longer on record.',
    parameter: 'q',
  });
}
