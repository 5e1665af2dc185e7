import type { Command } from 'commander';
import { reasonsOf } from '../../views/review-words.ts';
import type { Review, ReviewItem } from '../credentials/review.ts';
import type { Domain } from '../domain.ts';
import { accountFrom } from './arguments.ts';
import { listAll } from './list-all.ts';
import { jsonTimeOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, type Terminal } from './terminal.ts';

type Wanted = { dryRun?: boolean; account?: string };

/** `review`: who was asked what in the monthly reviews, and who answered what; or what one would ask now. */
export function addReviewCommand(program: Command, terminal: Terminal): void {
  program
    .command('review')
    .description('lists the monthly reviews of credentials and who answered what, the newest first')
    .option('--dry-run', 'what a review would ask now; nothing is mailed or changed')
    .option('--account <account>', 'only that of this account: e-mail address or id')
    .action(answer(terminal, review));
}

async function review(domain: Domain, { dryRun = false, account }: Wanted): Promise<Said> {
  const only = account === undefined ? undefined : (await accountFrom(domain, account)).id;
  return dryRun ? preview(domain, only) : past(domain, only);
}

async function preview(domain: Domain, only: string | undefined): Promise<Said> {
  const json: object[] = [];
  const rows: string[][] = [];
  for await (const { account, findings } of domain.reviews.preview(only)) {
    for (const finding of findings) {
      json.push({ account_id: account.id, account: account.email, ...jsonOf(finding) });
      rows.push([account.email, ...cellsOf(finding, domain.clock())]);
    }
  }
  return { json, person: tableOf(['account', ...HEADS], rows) };
}

async function past(domain: Domain, only: string | undefined): Promise<Said> {
  const reviews = await listAll(domain.rows.reviews, {
    where: only === undefined ? [] : [['accountId', '=', only]],
    order: { by: 'answerBy', descending: true },
  });
  const lines = reviews.flatMap((one) => one.items.map((item) => ({ review: one, item })));
  const emails = await emailsOf(domain, reviews);
  return {
    json: lines.map(({ review: { month, accountId, createdAt, answerBy }, item }) => ({
      month,
      account_id: accountId,
      account: emails.get(accountId) ?? null,
      ...jsonOf(item),
      asked_at: jsonTimeOf(createdAt),
      answer_by: jsonTimeOf(answerBy),
      answer: item.answer ?? null,
      answered_at: jsonTimeOf(item.answeredAt),
      answered_by: item.answeredBy?.kind ?? null,
    })),
    person: tableOf(
      ['month', 'account', ...HEADS, 'answer', 'answered', 'by'],
      lines.map(({ review: one, item }) => pastCells(one, item, emails.get(one.accountId) ?? one.accountId)),
    ),
  };
}

async function emailsOf({ accounts }: Domain, reviews: readonly Review[]): Promise<Map<string, string>> {
  const emails = new Map<string, string>();
  for (const id of new Set(reviews.map(({ accountId }) => accountId))) {
    const account = await accounts.get(id);
    if (account !== undefined) emails.set(id, account.email);
  }
  return emails;
}

function pastCells({ month, createdAt }: Review, item: ReviewItem, account: string): string[] {
  const answered = [item.answer ?? 'none', timeOf(item.answeredAt, ''), item.answeredBy?.kind ?? ''];
  return [month, account, ...cellsOf(item, createdAt), ...answered];
}

const HEADS = ['id', 'kind', 'name', 'why', 'last used', 'expires'];

type Shown = Pick<ReviewItem, 'id' | 'kind' | 'name' | 'reasons' | 'createdAt' | 'expiresAt' | 'lastUsedAt'>;

function cellsOf(item: Shown, now: number): string[] {
  const { id, kind, name, lastUsedAt, expiresAt } = item;
  return [id, kind, name, reasonsOf(item, now), timeOf(lastUsedAt, 'never'), timeOf(expiresAt, 'never')];
}

function jsonOf({ id, kind, name, reasons, createdAt, expiresAt, lastUsedAt }: Shown) {
  return {
    id,
    kind,
    name,
    reasons,
    created_at: jsonTimeOf(createdAt),
    expires_at: jsonTimeOf(expiresAt),
    last_used_at: jsonTimeOf(lastUsedAt),
  };
}
