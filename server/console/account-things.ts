import type { RouterContext } from '@koa/router';
import { thingActPage } from '../../views/console/account-things.ts';
import type { Account } from '../accounts/account.ts';
import { noSuch } from '../ground/errors.ts';
import { nothingHere } from '../http/error-response.ts';
import { sendPage } from '../http/page.ts';
import { THING_ACTS, type Thing, type ThingAct, type ThingKind } from '../management/account-things.ts';
import { adminOf, freshAdminOf, manageOnce } from './admin.ts';
import type { ConsoleDependencies } from './dependencies.ts';

/** /admin/accounts/ID/KIND/THING/ACT: what is done to one thing of an account. */
export function createAccountThingPages(parts: ConsoleDependencies) {
  const { site, accountThings } = parts;

  return {
    async showAct(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const found = await foundIn(parts, ctx);
      const admin = await freshAdminOf(parts, ctx);
      sendPage(ctx, thingActPage(site, admin, { ...found, reason: '', problem: undefined }));
    },

    act: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => foundIn(parts, ctx),
        async act({ act, thing, account }, manager) {
          await accountThings.do(act, thing, manager);
          return `/admin/accounts/${account.id}?done=${thing.kind}-${act}`;
        },
        page: (found, { viewer, problem, sent }) =>
          thingActPage(site, viewer, { ...found, reason: sent.one('reason'), problem }),
      }),
  };
}

async function foundIn(
  { accounts, accountThings }: ConsoleDependencies,
  ctx: RouterContext,
): Promise<{ act: ThingAct; thing: Thing; account: Account }> {
  const { id = '', kind = '', thingId = '', act = '' } = ctx.params;
  if (!isKind(kind)) throw nothingHere(ctx);
  const known: readonly ThingAct[] = THING_ACTS[kind];
  const does = known.find((one) => one === act);
  if (does === undefined) throw nothingHere(ctx);
  const account = await accounts.get(id);
  if (account === undefined) throw noSuch('account');
  return { act: does, thing: await accountThings.find(kind, { accountId: id, id: thingId }), account };
}

function isKind(kind: string): kind is ThingKind {
  return Object.hasOwn(THING_ACTS, kind);
}
