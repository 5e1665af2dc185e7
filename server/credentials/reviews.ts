import { type Collection, Taken, type Where } from '../../adapters/port.ts';
import { pausedUnanswered, type ReviewItemView, reviewDigest, reviewMail } from '../../views/mail/review.ts';
import { ACTIVE_ADMINS, ACTIVE_ONLY, type Account, isActive, requireActive } from '../accounts/account.ts';
import { linkDamaged, linkDead } from '../accounts/mailed-links.ts';
import type { Actor } from '../ground/actor.ts';
import { begunBefore } from '../ground/clock.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import type { Work } from '../ground/jobs.ts';
import { REVIEW_ANSWER_SECONDS } from '../ground/limits.ts';
import { hashOf, newWrittenLinkToken } from '../ground/opaque.ts';
import type { ScheduledWork } from '../ground/schedule.ts';
import { duration, timeInProse } from '../ground/time.ts';
import type { ClientDependencies } from './dependencies.ts';
import { auditEntry } from './owner.ts';
import {
  type Answer,
  monthOf,
  type Review,
  type ReviewCounts,
  type ReviewDigest,
  type ReviewItem,
} from './review.ts';
import { type Finding, findingsOf, isUnused, REASONS } from './review-findings.ts';
import type { Secrets } from './secrets.ts';
import type { Services } from './services.ts';
import type { Tokens } from './tokens.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ACCOUNTS = 50;
const BATCH_REVIEWS = 50;
/** So many have links in the mail, the gravest first: more would be cut off by mail programs. */
const LINKED_MAX = 50;
/** All admins that anybody has. */
const ADMINS_MAX = 200;
/** Who answered is carrying it out by itself. */
const SWEEP_AGE_SECONDS = 30;
/** Other answers to the same review that may come before ours. */
const ATTEMPTS_MAX = 100;
const LISTED_MAX = 36;

type Parts = ClientDependencies & {
  reviews: Collection<Review>;
  reviewDigests: Collection<ReviewDigest>;
  accountRows: Collection<Account>;
  tokens: Pick<Tokens, 'pause' | 'revoke'>;
  services: Pick<Services, 'pause' | 'revoke'>;
  secrets: Pick<Secrets, 'revoke'>;
};

/** One item of a review: by its mailed link, or as its owner finds it when signed in. */
export type WhichItem = { id: string } & ({ token: string } | { accountId: string; itemId: string });

/** What an owner is asked about one item. */
export type Asked = { review: Review; item: ReviewItem; account: Account };

export type Reviews = ReturnType<typeof createReviews>;

/**
 * The monthly review: each owner is mailed what of theirs is unused, all-powerful, long-lived or about to end, with links
 * to keep, pause or revoke it; admins are mailed the whole. One row for each account and month holds what was asked and
 * what was answered.
 */
export function createReviews(parts: Parts) {
  const { reviews, clock } = parts;

  return {
    /** What a review would name now, by account, or of one alone; nothing is written. */
    preview: (only?: string) => preview(parts, only),

    /** What a review would ask an account now; nothing is written. */
    findings: (accountId: string): Promise<Finding[]> => findingsOf(parts, accountId, clock()),

    /** The reviews of an account, the newest first. */
    list: (accountId: string): Promise<Review[]> =>
      reviews.list({
        where: [['accountId', '=', accountId]],
        order: { by: 'createdAt', descending: true },
        limit: LISTED_MAX,
      }),

    /** What is asked. Throws Problem when it was answered, is too old, or is nothing of the sort. */
    find: (which: WhichItem): Promise<Asked> => find(parts, which),

    /** Answers one item, once; with a reason for an owner. Throws Problem like `find`. */
    answer: (wanted: WhichItem & { answer: Answer }, actor: Actor): Promise<Asked> =>
      answer(parts, wanted, actor),

    /** On the first of the month the mails; each hour what was not answered in time. */
    works: [
      { name: 'review', cron: '0 6 1 * *', run: createMonthlyRun(parts) },
      { name: 'review-end', cron: '23 * * * *', run: (dueAt) => closeSome(parts, dueAt) },
    ] as const satisfies readonly ScheduledWork[],

    /** Carries out what a process that died left of an answer. */
    sweep: (async () => {
      for (const due of begunBefore(SWEEP_AGE_SECONDS, clock())) {
        const where = [['actAt', ...due] as const];
        const page = { where, order: { by: 'actAt' }, limit: BATCH_REVIEWS } as const;
        for (const { id } of await reviews.list(page)) await carryOut(parts, id);
      }
    }) satisfies Work,
  };
}

async function* preview(
  parts: Parts,
  only: string | undefined,
): AsyncGenerator<{ account: Account; findings: Finding[] }> {
  let after: Account | undefined;
  do {
    const accounts = await activeAccounts(parts, after, only);
    for (const account of accounts) {
      const findings = await findingsOf(parts, account.id, parts.clock());
      if (findings.length > 0) yield { account, findings };
    }
    after = accounts.length < BATCH_ACCOUNTS ? undefined : accounts.at(-1);
  } while (after !== undefined);
}

function activeAccounts(
  { accountRows }: Parts,
  after: Account | undefined,
  only?: string,
): Promise<Account[]> {
  const where: Where<Account> = only === undefined ? ACTIVE_ONLY : [...ACTIVE_ONLY, ['id', '=', only]];
  const page = { where, limit: BATCH_ACCOUNTS };
  return accountRows.list(after === undefined ? page : { ...page, after });
}

/** Goes through the accounts. Where a crash loses the place it begins again, and finds the rows that are there. */
function createMonthlyRun(parts: Parts): ScheduledWork['run'] {
  let place: { dueAt: number; after?: Account | undefined } | undefined;

  return async (dueAt) => {
    const accounts = await activeAccounts(parts, place?.dueAt === dueAt ? place.after : undefined);
    for (const account of accounts) await reviewAccount(parts, account, monthOf(dueAt));
    place = { dueAt, after: accounts.at(-1) };
    if (accounts.length === BATCH_ACCOUNTS) return true;
    place = undefined;
    await tellAdmins(parts, monthOf(dueAt));
    return false;
  };
}

/** As it is made below; another one was damaged on its way. */
const WHOLE_ID = /^rev_[\w-]{22}$/;

/** Writes down what is asked in the same write as the mail that asks it. */
async function reviewAccount(parts: Parts, account: Account, month: string): Promise<void> {
  const { reviews, effects, clock, settings } = parts;
  const id = `rev_${hashOf(`${month} ${account.id}`).slice(0, 22)}`;
  if ((await reviews.get(id)) !== undefined) return;
  const now = clock();
  const found = await findingsOf(parts, account.id, now);
  if (found.length === 0) return;
  const kept = await lastKept(parts, account.id);
  const findings = found.map((finding) => ({ ...finding, ...kept.get(finding.id) }));
  const answerBy = now + REVIEW_ANSWER_SECONDS;
  const links = findings.slice(0, LINKED_MAX).map(newWrittenLinkToken);
  const items = findings.map((finding, at) => {
    const link = links[at];
    return link === undefined ? finding : { ...finding, linkHash: link.hash };
  });
  const asked = findings.map((finding, at): ReviewItemView & { token: string | undefined } => ({
    ...finding,
    token: links[at]?.token,
  }));
  const mail = [{ to: account.email, ...reviewMail(settings, { id, items: asked, answerBy, now }) }];
  const row = {
    id,
    accountId: account.id,
    month,
    createdAt: now,
    answerBy,
    closesAt: answerBy,
    items,
    writes: 0,
  };
  await unlessThere(effects.insert(reviews, row, { mail }));
}

/** When an owner last said that they keep something, by its id. They are asked again, and told so. */
async function lastKept({ reviews }: Parts, accountId: string): Promise<Map<string, { keptAt: number }>> {
  const where = [['accountId', '=', accountId]] as const;
  const order = { by: 'createdAt', descending: true } as const;
  const earlier = await reviews.list({ where, order, limit: LISTED_MAX });
  const answers = earlier
    .toReversed()
    .flatMap(({ items }) => items)
    .filter(({ answer }) => answer === 'keep');
  return new Map(answers.map(({ id, answeredAt = 0 }) => [id, { keptAt: answeredAt }]));
}

/** One mail to each admin, when all accounts were asked. */
async function tellAdmins(parts: Parts, month: string): Promise<void> {
  const { reviewDigests, accountRows, accounts, effects, clock, settings } = parts;
  if ((await reviewDigests.get(month)) !== undefined) return;
  const byReason = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as ReviewCounts['byReason'];
  const counts: ReviewCounts = { accounts: 0, credentials: 0, byReason };
  const powerful: (ReviewItemView & { owner: string })[] = [];
  for await (const { accountId, items } of reviewsOf(parts, month)) {
    counts.accounts += 1;
    counts.credentials += items.length;
    for (const reason of items.flatMap(({ reasons }) => reasons)) byReason[reason] += 1;
    const owner = (await accounts.get(accountId))?.email ?? accountId;
    const ofAdmins = items.filter(({ reasons }) => reasons.includes('all_powerful'));
    powerful.push(...ofAdmins.map((item) => ({ ...item, owner })));
  }
  if (counts.accounts === 0) return;
  const now = clock();
  const admins = await accountRows.list({ where: ACTIVE_ADMINS, limit: ADMINS_MAX });
  const written = reviewDigest(settings, { ...counts, month, powerful, now });
  const mail = admins.map(({ email }) => ({ to: email, ...written }));
  await unlessThere(effects.insert(reviewDigests, { id: month, createdAt: now, counts }, { mail }));
}

async function* reviewsOf({ reviews }: Parts, month: string): AsyncGenerator<Review> {
  let after: Review | undefined;
  do {
    const page = { where: [['month', '=', month]] as const, limit: BATCH_REVIEWS };
    const rows: Review[] = await reviews.list(after === undefined ? page : { ...page, after });
    yield* rows;
    after = rows.length < BATCH_REVIEWS ? undefined : rows.at(-1);
  } while (after !== undefined);
}

/** Another process, or this one before it died, may have written the same row. */
async function unlessThere(insert: Promise<void>): Promise<void> {
  try {
    await insert;
  } catch (error) {
    if (!(error instanceof Taken) || error.field !== 'id') throw error;
  }
}

async function find(parts: Parts, which: WhichItem): Promise<Asked> {
  const { reviews, accounts, clock } = parts;
  if ('token' in which && !WHOLE_ID.test(which.id)) throw linkDamaged('the mail');
  const review = await reviews.get(which.id);
  const item = review && itemOf(review, which);
  const account = review && (await accounts.get(review.accountId));
  if (review === undefined || item === undefined || account === undefined)
    throw 'token' in which ? linkDead(LOOK_THERE, which.token) : noSuch('review');
  requireActive(account);
  if (item.answer !== undefined) throw answered(item);
  if (review.answerBy <= clock()) throw tooLate();
  return { review, item, account };
}

function itemOf(review: Review, which: WhichItem): ReviewItem | undefined {
  if ('token' in which) {
    const hash = hashOf(which.token);
    return review.items.find(({ linkHash }) => linkHash === hash);
  }
  return review.accountId === which.accountId
    ? review.items.find(({ id }) => id === which.itemId)
    : undefined;
}

const LOOK_THERE =
  'Look at it among your tokens and services, where it can be paused and revoked at any time.';

async function answer(parts: Parts, wanted: WhichItem & { answer: Answer }, actor: Actor): Promise<Asked> {
  const { reviews, effects, clock } = parts;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const asked = await find(parts, wanted);
    const { review, item, account } = asked;
    if (!answersFor(item).includes(wanted.answer)) throw notPausable();
    const now = clock();
    // Who has the mailed link is the owner; whoever runs the app answers in their own name, with the reason.
    const answeredBy =
      actor.reason === undefined ? { ...actor, kind: 'account' as const, id: account.id } : actor;
    const said = { answer: wanted.answer, answeredAt: now, answeredBy, isOpen: true as const };
    const change = {
      set: { items: review.items.map((one) => (one === item ? { ...one, ...said } : one)), actAt: now },
      add: { writes: 1 },
    };
    const entry = auditEntry('review.answered', { ...item, accountId: account.id }, answeredBy);
    const guard = [['writes', '=', review.writes]] as const;
    if ((await effects.update(reviews, review.id, change, guard, { audit: [entry] })) === undefined) continue;
    await carryOut(parts, review.id);
    return asked;
  }
  throw tooLate();
}

/** The answers that there are for an item: a secret of an app cannot be paused. */
export function answersFor({ kind }: Pick<ReviewItem, 'kind'>): readonly Answer[] {
  return kind === 'secret' ? ['keep', 'revoke'] : ['keep', 'pause', 'revoke'];
}

/** Does what was answered and not done yet, each of which finds nothing to do the second time. */
async function carryOut(parts: Parts, id: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const review = await parts.reviews.get(id);
    if (review?.actAt === undefined) return;
    try {
      for (const item of review.items) if (item.isOpen === true) await act(parts, review.accountId, item);
    } catch (error) {
      // Of an account that does too much just now: it waits for the sweep, and holds up no other.
      if (error instanceof Problem) return;
      throw error;
    }
    const items = review.items.map(({ isOpen: _done, ...item }) => item);
    const change = { set: { items }, unset: ['actAt'] as const, add: { writes: 1 } };
    if ((await parts.reviews.update(id, change, [['writes', '=', review.writes]])) !== undefined) return;
  }
}

async function act({ tokens, services, secrets }: Parts, accountId: string, item: ReviewItem): Promise<void> {
  const { id, kind, clientId = '', answer = 'keep', answeredBy = { kind: 'system' } } = item;
  if (answer === 'keep') return;
  try {
    if (kind === 'secret') await secrets.revoke({ kind: 'app', accountId, clientId, id }, answeredBy);
    else await (kind === 'token' ? tokens : services)[answer]({ accountId, id }, answeredBy);
  } catch (error) {
    // What has ended meanwhile needs nothing more.
    if (!(error instanceof Problem) || (error.status !== 404 && error.status !== 409)) throw error;
  }
}

/** Closes the reviews whose time is over: what opens everything, is unused and was not answered for is paused. */
async function closeSome(parts: Parts, dueAt: number): Promise<boolean> {
  const where = [['closesAt', '<=', dueAt]] as const;
  const due = await parts.reviews.list({ where, order: { by: 'closesAt' }, limit: BATCH_REVIEWS });
  for (const review of due) await close(parts, review);
  return due.length === BATCH_REVIEWS;
}

async function close(parts: Parts, review: Review): Promise<void> {
  const { reviews, accounts, effects, clock, settings } = parts;
  const now = clock();
  const account = await accounts.get(review.accountId);
  const findings = isActive(account) ? await findingsOf(parts, account.id, now) : [];
  // As they are by now: what was used since is left alone.
  const idle = findings.filter((one) => one.reasons.includes('all_powerful') && isUnused(one));
  const isPaused = (item: ReviewItem) =>
    item.answer === undefined && answersFor(item).includes('pause') && idle.some(({ id }) => id === item.id);
  const said = {
    answer: 'pause' as const,
    answeredAt: now,
    answeredBy: { kind: 'system' as const },
    isOpen: true as const,
  };
  const paused = review.items.filter(isPaused);
  const items = review.items.map((item) => (isPaused(item) ? { ...item, ...said } : item));
  const guard = [
    ['closesAt', 'present'],
    ['writes', '=', review.writes],
  ] as const;
  const unset = ['closesAt'] as const;
  if (paused.length === 0 || account === undefined)
    return void (await reviews.update(review.id, { unset }, guard));
  const change = { set: { items, actAt: now }, unset, add: { writes: 1 } };
  const mail = [{ to: account.email, ...pausedUnanswered(settings, { items: paused, now }) }];
  const closed = await effects.update(reviews, review.id, change, guard, { mail });
  if (closed !== undefined) await carryOut(parts, review.id);
}

function answered({ answer = 'keep', answeredAt = 0, answeredBy }: ReviewItem): Problem {
  const done = { keep: 'kept', pause: 'paused', revoke: 'revoked' }[answer];
  const how =
    answeredBy?.kind === 'system' ? 'Nobody answered in time, so it' : 'This was answered already: it';
  return new Problem({
    status: 400,
    code: 'LINK_DEAD',
    message: `${how} was ${done} on ${timeInProse(answeredAt)}. Nothing was done now.`,
    hint: LOOK_THERE,
  });
}

function tooLate(): Problem {
  return new Problem({
    status: 400,
    code: 'LINK_DEAD',
    message: `This link is too old: links of a review are good for ${duration(REVIEW_ANSWER_SECONDS)}. Nothing was done.`,
    hint: LOOK_THERE,
  });
}

function notPausable(): Problem {
  return new Problem({
    status: 400,
    code: 'NOTHING_TO_DO',
    message: 'This cannot be answered so.',
    hint: 'Choose one of the answers that the page offers.',
  });
}
