import { z } from 'zod';
import { noSuch } from '../../ground/errors.ts';
import { MAIL_STATES, type MailView, mailStateOf } from '../../management/mails.ts';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import {
  bodyOf,
  type ManagementEndpoint,
  pageAskedBy,
  queryOf,
  reasonBody,
  searchQuery,
} from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const listQuery = searchQuery.extend({
  state: z.enum(MAIL_STATES).optional(),
  fault: z.string().max(500).optional(),
});
const retryAllBody = reasonBody.extend({ fault: z.string().min(1).max(500) });

/** `/mail…`: the outbox, without the texts, and having mails sent again. */
export function mailEndpoints({ mails }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/mail',
      async answer({ ctx }) {
        const { q = '', state, fault = '', ...page } = queryOf(ctx, listQuery);
        const { rows, next } = await mails.list({ search: q, state, fault }, pageAskedBy(ctx, page));
        return { items: rows.map(mailJson), next_cursor: next ?? null };
      },
    },
    {
      method: 'POST',
      path: '/mail/:mailId/retry',
      async answer({ ctx, params, actor }) {
        const { reason } = await bodyOf(ctx, reasonBody);
        const [changed] = await mails.retry([params.mailId ?? ''], managerFrom(actor, reason));
        if (changed === undefined) throw noSuch('mail');
        return mailJson(changed);
      },
    },
    {
      method: 'POST',
      path: '/mail/retry',
      async answer({ ctx, actor }) {
        const { reason, fault } = await bodyOf(ctx, retryAllBody);
        const { count, isMore } = await mails.retryGivenUp(fault, managerFrom(actor, reason));
        return { retried: count, more: isMore };
      },
    },
  ];
}

/** A mail as programs are told of it. */
function mailJson(mail: MailView) {
  const { id, to, subject, createdAt, dueAt, sentAt, failedAt, attempts, error } = mail;
  return {
    id,
    to,
    subject,
    state: mailStateOf(mail),
    ...timesOf('created', createdAt),
    ...timesOf('next_try', dueAt),
    ...timesOf('sent', sentAt),
    ...timesOf('given_up', failedAt),
    tries: attempts,
    fault: error ?? null,
  };
}
