import type { RouterContext } from '@koa/router';
import { mailsPage, retryMailPage, type ToRetry } from '../../views/console/mail.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import type { Form } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryAll, queryOne } from '../http/query.ts';
import { MAIL_STATES } from '../management/mails.ts';
import { adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { listAsked, pageAskedIn, pathWith, searchIn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';

const PATH = '/admin/mail';

/** /admin/mail: what waits, what was given up and why, what was sent lately; and having it sent again. */
export function createMailPages(parts: ConsoleDependencies) {
  const { site, mails, clock } = parts;
  const addressesOf = async ({ ids }: ToRetry) => (await mails.find(ids)).map(({ to }) => to);

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const q = searchIn(ctx);
      const fault = faultFrom(queryOne(ctx, 'fault'));
      const state = MAIL_STATES.find((one) => one === queryOne(ctx, 'state'));
      const page = pageAskedIn(ctx);
      const { rows, ...ways } = await mails.list({ search: q, state, fault }, page);
      // Of nothing in particular: what was given up.
      const shown = state ?? (q === '' ? 'given_up' : 'any');
      const asked = { ...listAsked(PATH, { q, state, fault }, page, ways), state: shown };
      sendPage(ctx, mailsPage(site, admin, { mails: rows, asked, now: clock(), done: doneIn(ctx) }));
    },

    async showRetry(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const what = { ids: [...new Set(queryAll(ctx, 'id'))], fault: faultFrom(queryOne(ctx, 'fault')) };
      if (what.ids.length === 0 && what.fault === '')
        return seeOther(ctx, `${PATH}?state=given_up&retried=0`);
      const admin = await freshAdminOf(parts, ctx);
      const to = await addressesOf(what);
      sendPage(ctx, retryMailPage(site, admin, { what, to, reason: '', problem: undefined }));
    },

    retry: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: async () => undefined,
        async act(_found, manager, sent) {
          const { ids, fault } = toRetryIn(sent);
          if (fault === '') {
            const done = await mails.retry(ids, manager);
            return pathWith(PATH, { state: 'waiting', retried: String(done.length) });
          }
          const { count, isMore } = await mails.retryGivenUp(fault, manager);
          const where = isMore ? { state: 'given_up', fault, more: 'yes' } : { state: 'waiting' };
          return pathWith(PATH, { ...where, retried: String(count) });
        },
        async page(_found, { viewer, problem, sent }) {
          const what = toRetryIn(sent);
          const to = await addressesOf(what);
          return retryMailPage(site, viewer, { what, to, reason: sent.one('reason'), problem });
        },
      }),
  };
}

function toRetryIn(sent: Form): ToRetry {
  const ids = sent.one('ids').split(',');
  return { ids: [...new Set(ids.filter((id) => id !== ''))], fault: faultFrom(sent.one('fault')) };
}

/** What is longer than any fault of ours finds nothing. */
const FAULT_LENGTH_MAX = 500;

function faultFrom(given: string): string {
  return withoutSecrets(given).slice(0, FAULT_LENGTH_MAX);
}

function doneIn(ctx: RouterContext): { count: number; isMore: boolean } | undefined {
  const retried = queryOne(ctx, 'retried');
  if (!/^\d{1,6}$/.test(retried)) return undefined;
  return { count: Number(retried), isMore: queryOne(ctx, 'more') === 'yes' };
}
