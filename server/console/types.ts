import type { RouterContext } from '@koa/router';
import {
  type ExplainAsked,
  type ExplainedView,
  type GrantedView,
  typePage,
} from '../../views/console/types.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Account } from '../accounts/account.ts';
import type { CallerNamed } from '../data/explained-caller.ts';
import type { Explanation, Granted } from '../data/explanation.ts';
import { countInWords, findsInWords, heldInWords, rulesInWords } from '../data/shown-explanation.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { RECORDS_COUNTED_MAX } from '../ground/limits.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryAll } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { whileWaited } from '../http/waited.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { requireViewer } from '../pages/signed-in.ts';
import { adminOf } from './admin.ts';
import type { ConsoleDependencies } from './dependencies.ts';
import { askedFor, explainedAs, isApp } from './entries.ts';

const PATH = '/admin/types';
const LAST_FOUR = /^[0-9A-Za-z]{4}$/;

/** /admin/types/NAME: a data type as it is declared, and what its rules let somebody do. */
export function createTypePages(parts: ConsoleDependencies) {
  return {
    async show(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const { name, opened } = typeIn(parts, ctx);
      const asked = {
        who: askedFor(ctx, 'who'),
        client: askedFor(ctx, 'client'),
        record: askedFor(ctx, 'record'),
      };
      if (queryAll(ctx, 'who').length === 0) return sendPage(ctx, await page(parts, { admin, name, asked }));
      try {
        const id = asked.record === '' ? undefined : asked.record;
        const by = actorOf(ctx, admin.id);
        const explanation = await parts.explain(opened, whomIn(asked), { id, by, signal: whileWaited(ctx) });
        const explained = viewOf(explanation);
        sendPage(ctx, await page(parts, { admin, name, asked, explained }));
      } catch (error) {
        await showRefusal(ctx, error, (problem) => page(parts, { admin, name, asked, problem }));
      }
    },

    /** Whom it is about may be the value of a token, which stands in no address: the address it leads on to has ids. */
    async ask(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const admin = await adminOf(parts, ctx);
      const { name } = typeIn(parts, ctx);
      requireViewer(admin, sent);
      const [client, record] = [
        withoutSecrets(sent.one('client').trim()),
        withoutSecrets(sent.one('record').trim()),
      ];
      try {
        const named = await namedBy(parts, sent.one('who').trim());
        const query = new URLSearchParams({ who: named.who, client: named.client ?? client, record });
        seeOther(ctx, `${PATH}/${name}?${query}`);
      } catch (error) {
        const asked = { who: withoutSecrets(sent.one('who').trim()), client, record };
        await showRefusal(ctx, error, (problem) => page(parts, { admin, name, asked, problem }));
      }
    },
  };
}

function typeIn({ types }: ConsoleDependencies, ctx: RouterContext) {
  const name = ctx.params.type ?? '';
  const opened = types.get(name);
  if (opened === undefined) throw noSuch('type');
  return { name, opened };
}

async function page(
  { site, declared, types }: ConsoleDependencies,
  {
    admin,
    name,
    ...shown
  }: { admin: Account; name: string; asked: ExplainAsked; explained?: ExplainedView; problem?: FormProblem },
): Promise<Html> {
  const type = declared.types().find((one) => one.name === name);
  const opened = types.get(name);
  if (type === undefined || opened === undefined) throw noSuch('type');
  const records = countInWords(
    await opened.rows.count([], { most: RECORDS_COUNTED_MAX + 1, whose: admin.id }),
  );
  return typePage(site, admin, { type, records, ...shown });
}

/** What was typed, as ids. Throws Problem. */
async function namedBy(
  { leaks, credentialList }: ConsoleDependencies,
  typed: string,
): Promise<{ who: string; client?: string }> {
  // What pages show of a value stands before its last four characters.
  const who = typed.replace(/^.*(?:…|\.{3})/, '');
  // Keys of foreign form may look like anything.
  const known = who === '' ? undefined : await leaks.identify(who);
  if (known?.kind === 'access_token' || known?.kind === 'refresh_token')
    return explainedAs(known.id, known.accountId);
  if (known !== undefined) return { who: known.id };
  if (who === '' || who.includes('@') || ID.test(who)) return { who };
  if (!LAST_FOUR.test(who))
    throw nobody('This names nobody.', 'Type an e-mail address, an id or a whole value.');
  const { rows } = await credentialList.list({ lastFour: who }, { cursor: '', limit: 2 });
  const [first, second] = rows;
  if (first === undefined) throw nobody('This names nobody.', 'No token or secret ends with it.');
  if (second !== undefined)
    throw nobody('Several tokens or secrets end with this.', 'Type the id of the one that you mean.');
  return { who: first.id };
}

const ID = /^(?:acc|svc|app|tok|sec)_[0-9A-Za-z]{1,40}$/;

function notAnAccount(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'An app acts for an account, and this names none.',
    hint: 'Leave it out, or say for which account.',
    parameter: 'client',
  });
}

function nobody(message: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'INVALID_DATA', message, hint, parameter: 'who' });
}

/** An id says by its prefix what it is of. */
function whomIn({ who, client }: ExplainAsked): CallerNamed {
  // A token and a service say themselves whom they act for: the app would go unheeded.
  if (client !== '' && /^(?:tok|sec|svc|app)_/.test(who)) throw notAnAccount();
  if (/^(?:tok|sec)_/.test(who)) return { credential: who };
  if (/^(?:svc|app)_/.test(who)) return { client: who };
  return { account: who === '' ? undefined : who, client: client === '' ? undefined : client };
}

function viewOf(explanation: Explanation): ExplainedView {
  const { caller, passes, find, get, create, delete: remove, fields, rules } = explanation;
  const { accountId, clientId, tokenId } = caller;
  const granted = (one: Granted): GrantedView => ({
    words: heldInWords(one.held, explanation),
    held: one.held,
    by: rulesInWords(one),
  });
  return {
    who: caller.words,
    links: [
      ...(accountId === undefined ? [] : [{ label: 'Their account', url: `/admin/accounts/${accountId}` }]),
      ...(clientId === undefined ? [] : [clientLink(clientId)]),
      ...(tokenId?.startsWith('tok_') ? [{ label: 'The token', url: `/admin/credentials/${tokenId}` }] : []),
    ],
    scopes: caller.scopes,
    obstacles: caller.obstacles,
    places: caller.places,
    passes: [...new Set([passes.read.why, passes.write.why])],
    finds: findsInWords(explanation),
    record: explanation.record?.id,
    rights: [
      { label: 'Stands in their lists', granted: granted(find) },
      { label: 'Answered by its id', granted: granted(get) },
      { label: 'May make such a record', granted: granted(create) },
      { label: 'May delete', granted: granted(remove) },
    ],
    fields: fields.map(({ name, view, constrain, change }) => ({
      name,
      view: granted(view),
      constrain: granted(constrain),
      change: granted(change),
    })),
    rules: rules.map(({ held, ...rule }) => ({ ...rule, held: granted({ held, by: [], more: 0 }) })),
  };
}

function clientLink(id: string): { label: string; url: string } {
  return isApp(id)
    ? { label: 'The app', url: `/admin/apps/${id}` }
    : { label: 'The service', url: `/admin/services/${id}` };
}
