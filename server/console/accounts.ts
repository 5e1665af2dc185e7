import type { RouterContext } from '@koa/router';
import { accountActPage, accountPage, accountsPage } from '../../views/console/accounts.ts';
import type { Account } from '../accounts/account.ts';
import { noSuch } from '../ground/errors.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { ACCOUNT_ACTS } from '../management/account-acts.ts';
import { actIn, adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { listAsked, pageAskedIn, searchIn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';
import { wholeAccountOf } from './whole-account.ts';

const PATH = '/admin/accounts';
const STATES = ['active', 'suspended', 'admin'] as const;

/** /admin/accounts: everybody's accounts, one of them, and what is done to it. */
export function createAccountsPages(parts: ConsoleDependencies) {
  const { site, accountList, accountActs, clock } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const q = searchIn(ctx);
      const state = STATES.find((one) => one === queryOne(ctx, 'state'));
      const page = pageAskedIn(ctx);
      const { rows, ...ways } = await accountList.list({ search: q, state }, page);
      const asked = listAsked(PATH, { q, state }, page, ways);
      sendPage(
        ctx,
        accountsPage(site, admin, { accounts: rows, asked, now: clock(), done: queryOne(ctx, 'done') }),
      );
    },

    async show(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const account = await accountIn(parts, ctx);
      const isOwn = account.id === admin.id;
      const whole = await wholeAccountOf(parts, account);
      const done = queryOne(ctx, 'done');
      sendPage(
        ctx,
        accountPage(site, admin, {
          account,
          whole,
          types: [...parts.types.keys()],
          isOwn,
          now: clock(),
          done,
        }),
      );
    },

    async showAct(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const act = actIn(ctx, ACCOUNT_ACTS);
      const account = await accountIn(parts, ctx);
      const admin = await freshAdminOf(parts, ctx);
      sendPage(ctx, accountActPage(site, admin, { act, account, reason: '', problem: undefined }));
    },

    act: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: async () => ({ act: actIn(ctx, ACCOUNT_ACTS), account: await accountIn(parts, ctx) }),
        async act({ act, account }, manager) {
          await accountActs.do(act, account, manager, manager.id);
          if (act !== 'delete') return `${PATH}/${account.id}?done=${act}`;
          const isGone = (await parts.accounts.get(account.id)) === undefined;
          return isGone ? `${PATH}?done=delete` : `${PATH}/${account.id}?done=being-deleted`;
        },
        page: (found, { viewer, problem, sent }) =>
          accountActPage(site, viewer, { ...found, reason: sent.one('reason'), problem }),
      }),
  };
}

async function accountIn({ accounts }: ConsoleDependencies, ctx: RouterContext): Promise<Account> {
  const account = await accounts.get(ctx.params.id ?? '');
  if (account === undefined) throw noSuch('account');
  return account;
}
