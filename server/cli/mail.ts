import type { Command } from 'commander';
import type { Collection, Condition } from '../../adapters/port.ts';
import type { Domain } from '../domain.ts';
import { noSuch } from '../ground/errors.ts';
import type { Message } from '../mail/message.ts';
import { type MailView, mailStateOf } from '../management/mails.ts';
import { jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

type State = 'waiting' | 'given up' | 'sent';

/** What a terminal shows; the newest are what somebody looks for. */
const ROWS_MAX = 200;

/** `mail list|retry`: what became of the mails. Their text is not shown: it may hold a link that opens something. */
export function addMailCommands(program: Command, terminal: Terminal): void {
  const mail = program.command('mail').description('mails on their way');

  mail
    .command('list')
    .description('lists mails that wait or were given up, the newest first')
    .option('--all', 'those that were sent, too')
    .action(answer(terminal, list));

  mail
    .command('retry')
    .description('has a mail that waits or was given up sent now')
    .argument('<id>', 'id of the mail, as mail list shows it')
    .action(answer(terminal, retry));
}

async function list(domain: Domain, { all = false }: { all?: boolean }): Promise<Said> {
  const { outbox } = domain.rows;
  const states: Condition<Message>[] = [
    ['dueAt', 'present'],
    ['failedAt', 'present'],
    ...(all ? [['sentAt', 'present'] as const] : []),
  ];
  const pages = await Promise.all(states.map((state) => newest(outbox, state)));
  const rows = pages
    .flat()
    .sort((one, other) => other.createdAt - one.createdAt)
    .slice(0, ROWS_MAX);
  return { json: rows.map(jsonOf), person: tableOf(HEADS, rows.map(cellsOf)) };
}

function newest(outbox: Collection<Message>, state: Condition<Message>): Promise<Message[]> {
  return outbox.list({ where: [state], order: { by: 'createdAt', descending: true }, limit: ROWS_MAX });
}

/** The sender of the running server finds it within seconds. */
async function retry(domain: Domain, id: string): Promise<Said> {
  const [changed] = await domain.mails.retry([id], OPERATOR);
  if (changed === undefined) throw noSuch('mail');
  return {
    json: jsonOf(changed),
    person: listOf(HEADS.map((head, at) => [head, cellsOf(changed)[at] ?? ''])),
  };
}

const HEADS = ['id', 'to', 'subject', 'state', 'written', 'next try', 'tries', 'fault'];

function cellsOf(mail: MailView): string[] {
  const { id, to, subject, createdAt, dueAt, attempts, error = '' } = mail;
  return [id, to, subject, stateOf(mail), timeOf(createdAt, ''), timeOf(dueAt, ''), String(attempts), error];
}

function jsonOf(mail: MailView) {
  const { id, to, subject, createdAt, dueAt, sentAt, failedAt, attempts, error } = mail;
  return {
    id,
    to,
    subject,
    state: stateOf(mail),
    created_at: jsonTimeOf(createdAt),
    next_try_at: jsonTimeOf(dueAt),
    sent_at: jsonTimeOf(sentAt),
    given_up_at: jsonTimeOf(failedAt),
    tries: attempts,
    fault: error ?? null,
  };
}

function stateOf(mail: MailView): State {
  const state = mailStateOf(mail);
  return state === 'given_up' ? 'given up' : state;
}
