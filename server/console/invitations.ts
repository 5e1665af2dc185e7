import type { RouterContext } from '@koa/router';
import { addPage, invitationsPage, withdrawPage } from '../../views/console/invitations.ts';
import { displayNameFrom } from '../accounts/display-name.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { pageAskedIn, waysOn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';

const PATH = '/admin/invitations';

/** /admin/invitations: who was invited by mail, and adding somebody, by an invitation or at once. */
export function createInvitationPages(parts: ConsoleDependencies) {
  const { site, accounts, mailedInvitations, invitationList, clock } = parts;
  const invitationIn = (ctx: RouterContext) => invitationList.get(ctx.params.invitationId ?? '');

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const page = pageAskedIn(ctx);
      const { rows, next } = await invitationList.list(page);
      const pages = waysOn(PATH, {}, { page, next });
      const done = queryOne(ctx, 'done');
      sendPage(ctx, invitationsPage(site, admin, { invitations: rows, pages, now: clock(), done }));
    },

    async showAdd(ctx: RouterContext): Promise<void> {
      const admin = await freshAdminOf(parts, ctx);
      const form = { email: '', name: '', how: 'invite', reason: '' };
      sendPage(ctx, addPage(site, admin, { form, problem: undefined }));
    },

    add: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: async () => undefined,
        async act(_, manager, sent) {
          const email = sent.one('email');
          if (sent.one('how') !== 'make') {
            await mailedInvitations.invite(email, manager);
            return `${PATH}?done=invited`;
          }
          const name = displayNameFrom(sent.one('name'));
          const { id } = await accounts.create({ email, name, admin: false }, manager);
          return `/admin/accounts/${id}?done=made`;
        },
        page: (_, { viewer, problem, sent }) =>
          addPage(site, viewer, {
            form: {
              email: sent.one('email'),
              name: sent.one('name'),
              how: sent.one('how'),
              reason: sent.one('reason'),
            },
            problem,
          }),
      }),

    async showWithdraw(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const invitation = await invitationIn(ctx);
      const admin = await freshAdminOf(parts, ctx);
      sendPage(ctx, withdrawPage(site, admin, { invitation, reason: '', problem: undefined }));
    },

    withdraw: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => invitationIn(ctx),
        async act({ email }, manager) {
          await mailedInvitations.withdraw(email, manager);
          return `${PATH}?done=withdrawn`;
        },
        page: (invitation, { viewer, problem, sent }) =>
          withdrawPage(site, viewer, { invitation, reason: sent.one('reason'), problem }),
      }),
  };
}
