import type { Collection, Where } from '../../adapters/port.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { readEmail } from '../accounts/email.ts';
import { type AuditEntry, NO_ACCOUNT } from '../activity/audit.ts';
import { createAuditIds } from '../activity/entry-ids.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { invalidField, noSuch, type Problem } from '../ground/errors.ts';
import { givingWay } from '../ground/give-way.ts';
import { MAILS_RETRIED_MAX } from '../ground/limits.ts';
import type { Message } from '../mail/message.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';
import { findNamed } from './named-account.ts';
import { nothingToDo } from './nothing-to-do.ts';

/** What became of a mail so far. */
export type MailState = (typeof MAIL_STATES)[number];

export const MAIL_STATES = ['waiting', 'given_up', 'sent'] as const;

/** A mail without its text, which may hold a link that opens an account: whoever lists mails never has it. */
export type MailView = Omit<Message, 'text' | 'html'>;

/** Which mails are asked for; all of it must hold. */
export type MailsAsked = {
  /** The whole address, the id of its account, or that of one mail; '' for all. */
  search: string;
  state?: MailState | undefined;
  /** What the last attempt failed of; '' for any. Of mails that were given up. */
  fault: string;
};

/** Mails that are read and changed at a time: their texts come with them. */
const BATCH_MAILS = 200;

type Parts = {
  outbox: Collection<Message>;
  audit: Collection<AuditEntry>;
  accounts: Pick<Accounts, 'get' | 'findByEmail'>;
  sender: { wake(): void };
  clock: Clock;
};

/** The outbox as whoever runs the app sees it, and what they can do: have a mail sent once more. */
export function createMails(parts: Parts) {
  const { outbox, sender } = parts;
  const nextId = createAuditIds();

  /** Which of these were changed. The audit is there first: nothing is sent of which it does not say who wanted it. */
  async function retryAll(mails: readonly Message[], actor: Actor): Promise<Message[]> {
    const entries = await Promise.all(mails.map((mail) => entryOf(parts, mail, actor)));
    const at = parts.clock();
    await parts.audit.insertMany(entries.map((entry) => ({ id: nextId(at), at, ...entry })));
    const change = {
      set: { dueAt: at, attempts: 0 },
      unset: ['failedAt', 'refusedAt', 'claimEndsAt'] as const,
    };
    const changed = await Promise.all(
      mails.map(({ id }) => outbox.update(id, change, [['sentAt', 'absent']])),
    );
    return changed.filter((mail) => mail !== undefined);
  }

  return {
    /** One page: what waits by when it is due, all else the newest first. Throws Problem 400. */
    async list({ search, state, fault }: MailsAsked, page: PageAsked): Promise<PageOf<MailView>> {
      const one = search === '' ? undefined : await outbox.get(search);
      const found = one
        ? wholeList([one])
        : await pageByKey(outbox, page, await wantedOf(parts, { search, state, fault }));
      return { ...found, rows: found.rows.map(withoutText) };
    },

    /** Those of these that there are. */
    async find(ids: readonly string[]): Promise<MailView[]> {
      const mails = await Promise.all(ids.slice(0, MAILS_RETRIED_MAX).map((id) => outbox.get(id)));
      return mails.filter((mail) => mail !== undefined).map(withoutText);
    },

    /** Has mails sent now that wait or were given up. Throws Problem 404 and 409, and then none is. */
    async retry(ids: readonly string[], actor: Actor): Promise<MailView[]> {
      if (ids.length > MAILS_RETRIED_MAX) throw tooMany();
      const mails = await Promise.all(ids.map((id) => outbox.get(id)));
      const sendable = mails.map(requireSendable);
      if (sendable.length === 0) throw invalidField('ids', 'names no mail', 'Name at least one.');
      const changed = await retryAll(sendable, actor);
      if (changed.length === 0) throw wasSent();
      sender.wake();
      return changed.map(withoutText);
    },

    /**
     * The same of all that were given up for one reason: a mail server that refuses everything gives up everything.
     * Answers how many, and whether there are more than one act does.
     */
    async retryGivenUp(fault: string, actor: Actor): Promise<{ count: number; isMore: boolean }> {
      let count = 0;
      let after: Message | undefined;
      const giveWay = givingWay();
      for (; count < MAILS_RETRIED_MAX; await giveWay()) {
        const limit = Math.min(BATCH_MAILS, MAILS_RETRIED_MAX - count);
        const rows = await outbox.list({ ...givenUpFor(fault), limit, ...(after && { after }) });
        const done = await retryAll(rows.filter(hasText), actor);
        count += done.length;
        after = rows.at(-1);
        if (done.length > 0) sender.wake();
        if (rows.length === limit) continue;
        if (count === 0) throw nothingToDo('No mail that was given up for this can be sent.');
        return { count, isMore: false };
      }
      return { count, isMore: (await outbox.list({ ...givenUpFor(fault), limit: 1 })).length > 0 };
    },
  };
}

export function mailStateOf({ sentAt, failedAt }: Pick<Message, 'sentAt' | 'failedAt'>): MailState {
  if (sentAt !== undefined) return 'sent';
  return failedAt === undefined ? 'waiting' : 'given_up';
}

type Wanted = Parameters<typeof pageByKey<Message>>[2];

/** What is asked for, by an index that leads to it. */
async function wantedOf({ accounts }: Parts, { search, state, fault }: MailsAsked): Promise<Wanted> {
  const isMatch = (mail: Message) =>
    (state === undefined || mailStateOf(mail) === state) && (fault === '' || mail.error === fault);
  if (search !== '') {
    // As it was written to: the account says how its address is spelled.
    const account = await findNamed(accounts, search);
    const to = account?.email ?? readEmail(search)?.address ?? search;
    return { where: [['to', '=', to]], order: { by: 'createdAt', descending: true }, isMatch };
  }
  if (fault !== '') return state === undefined || state === 'given_up' ? givenUpFor(fault) : NONE;
  if (state === 'waiting') return { where: [['dueAt', '>=', 0]], order: { by: 'dueAt' } };
  const by = state === 'sent' ? 'sentAt' : 'failedAt';
  return { where: [[by, '>=', 0]], order: { by, descending: true } };
}

const NONE: Wanted = { where: [['id', '=', '']], order: { by: 'id' } };

function givenUpFor(fault: string) {
  const where: Where<Message> = [
    ['error', '=', fault],
    ['failedAt', '>=', 0],
  ];
  return { where, order: { by: 'failedAt', descending: true } } as const;
}

/** In the activity of whom it is for, where that is an account. */
async function entryOf({ accounts }: Parts, { id, to, subject }: Message, actor: Actor) {
  const accountId = (await accounts.findByEmail(to))?.id ?? NO_ACCOUNT;
  return { accountId, actor, action: 'mail.retried', targetId: id, targetName: subject };
}

function withoutText({ text: _text, html: _html, ...mail }: Message): MailView {
  return mail;
}

function hasText({ text, html }: Message): boolean {
  return text !== '' || html !== '';
}

function requireSendable(mail: Message | undefined): Message {
  if (mail === undefined) throw noSuch('mail');
  if (mail.sentAt !== undefined) throw wasSent();
  if (!hasText(mail))
    throw nothingToDo('The text of this mail is gone.', 'Have what caused it done once more.');
  return mail;
}

function wasSent(): Problem {
  return nothingToDo('This mail was sent.');
}

function tooMany(): Problem {
  const most = MAILS_RETRIED_MAX.toLocaleString('en');
  return invalidField('ids', 'names too many mails', `Choose ${most} at most.`);
}
