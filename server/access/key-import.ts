import { z } from 'zod';
import { type Collection, Taken } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { readEmail } from '../accounts/email.ts';
import { type Credential, hasEnded } from '../credentials/credential.ts';
import type { Tokens, WantedToken } from '../credentials/tokens.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { invalidField, Problem } from '../ground/errors.ts';
import { inTurn } from '../ground/in-turn.ts';
import type { VouchedAccounts, WantedPerson } from './vouched-accounts.ts';

/** So many at a time: their writes share a commit. */
const AT_ONCE = 50;
const MS = 1000;

const keySchema = z.strictObject({
  sha256: z.string(),
  email: z.string().optional(),
  external_id: z.string().optional(),
  name: z.string(),
  scopes: z.union([z.string(), z.array(z.string())]),
  expires: z.union([z.string(), z.number()]).nullish(),
});
const FIELDS = Object.keys(keySchema.shape).join(', ');

/** What came of one key. `known`: it was imported before, and stands as it stood. */
export type KeyOutcome =
  | { state: 'imported' | 'known'; tokenId: string; accountId: string }
  | { state: 'would be imported' }
  | { state: 'refused'; problem: Problem };

export type ImportOptions = {
  /** Accounts that are not there are made; else their keys are refused. */
  makeAccounts: boolean;
  /** Only says what would come of it. */
  dryRun: boolean;
  /** The account of the app on whose word it is done; absent for the operator. */
  ownerId?: string | undefined;
};

type Parts = {
  credentials: Collection<Credential>;
  accounts: Pick<Accounts, 'get'>;
  tokens: Pick<Tokens, 'takeOver' | 'checkTakeOver'>;
  vouchedAccounts: Pick<VouchedAccounts, 'find' | 'findOrMake' | 'check'>;
  clock: Clock;
};

/** Takes over the keys that an app gave out before it had Latchkey, by their SHA-256: their values are never seen. */
export function createKeyImport(parts: Parts) {
  return {
    /** Begins a list of keys; what is twice in it is refused the second time. */
    begin(options: ImportOptions, actor: Actor) {
      const seen = new Set<string>();
      return {
        /** Takes the next keys of the list, as somebody wrote them, and answers for each in the same order. */
        async take(written: readonly unknown[]): Promise<KeyOutcome[]> {
          const outcomes: KeyOutcome[] = [];
          for (let from = 0; from < written.length; from += AT_ONCE) {
            const some = written.slice(from, from + AT_ONCE);
            outcomes.push(
              ...(await Promise.all(some.map((one) => take(parts, one, { ...options, seen }, actor)))),
            );
          }
          return outcomes;
        },
      };
    },
  };
}

type Run = ImportOptions & { seen: Set<string> };

async function take(parts: Parts, written: unknown, run: Run, actor: Actor): Promise<KeyOutcome> {
  try {
    const key = keyFrom(written);
    once(run.seen, `key ${key.hash}`, 'sha256');
    // Keys of one person in their order: of two of one name the first is imported.
    const person = key.person.externalId ?? key.person.email ?? '';
    return await inTurn(parts.credentials, `import ${person}`, () => takeKey(parts, key, run, actor));
  } catch (error) {
    if (error instanceof Problem) return { state: 'refused', problem: error };
    throw error;
  }
}

type Key = {
  hash: string;
  person: WantedPerson;
  wanted: Omit<WantedToken, 'account'>;
};

async function takeKey(parts: Parts, key: Key, run: Run, actor: Actor): Promise<KeyOutcome> {
  const before = await parts.credentials.find('hash', key.hash);
  if (before !== undefined) return knownAs(parts, before, key.person);
  const { vouchedAccounts, tokens } = parts;
  const found = await vouchedAccounts.find(key.person, actor, run.ownerId);
  if (found === undefined && !run.makeAccounts) throw noAccount();
  if (run.dryRun) {
    if (found === undefined) vouchedAccounts.check(key.person);
    await tokens.checkTakeOver({ ...key.wanted, account: found });
    once(run.seen, `name ${JSON.stringify([found?.id ?? key.person, key.wanted.name])}`, 'name');
    return { state: 'would be imported' };
  }
  try {
    // Before an account is made for it.
    await tokens.checkTakeOver({ ...key.wanted, account: found });
    const account = await vouchedAccounts.findOrMake(key.person, actor, run.ownerId);
    const token = await tokens.takeOver({ ...key.wanted, account, hash: key.hash }, actor);
    return { state: 'imported', tokenId: token.id, accountId: account.id };
  } catch (error) {
    // Another process imports the same list: its key is in the way, or has the name.
    const isInTheWay = error instanceof Taken || (error instanceof Problem && error.code === 'NAME_TAKEN');
    const other = isInTheWay ? await parts.credentials.find('hash', key.hash) : undefined;
    if (other === undefined) throw error;
    return knownAs(parts, other, key.person);
  }
}

/** A list may be run again: what it imported stays as it is, also where its owner has revoked it since. */
async function knownAs(parts: Parts, before: Credential, person: WantedPerson): Promise<KeyOutcome> {
  const account = await parts.accounts.get(before.accountId);
  if (before.imported !== true || account === undefined || !isOf(account, person)) {
    const state = hasEnded(before, parts.clock()) ? 'was' : 'is';
    throw new Problem({
      status: 409,
      code: 'KEY_TAKEN',
      message: `There ${state} a token with this value already, and it is no imported key of this account.`,
      hint: 'Leave it out. Two people with one key have to get new ones.',
      parameter: 'sha256',
    });
  }
  return { state: 'known', tokenId: before.id, accountId: account.id };
}

function isOf(account: Account, { email, externalId }: WantedPerson): boolean {
  if (externalId !== undefined && account.externalId === externalId) return true;
  return email !== undefined && readEmail(email)?.key === account.emailKey;
}

/** What somebody wrote of a key, checked as far as that goes without the store. Throws Problem, without a word of a value. */
function keyFrom(written: unknown): Key {
  const { success, data, error } = keySchema.safeParse(written);
  if (!success) throw notAKey(error);
  const { email, external_id: externalId, name, scopes } = data;
  return {
    hash: hashFrom(data.sha256),
    person: { email, externalId },
    wanted: {
      name,
      scopes: typeof scopes === 'string' ? scopes.split(/[\s,]+/).filter((scope) => scope !== '') : scopes,
      expiresAt: expiryFrom(data.expires),
    },
  };
}

/** SHA-256 as we have it, base64url, from hex or base64. */
function hashFrom(written: string): string {
  const isHex = /^[0-9a-f]{64}$/i.test(written);
  const isBase64 = /^[\w+/-]{43}=?$/.test(written);
  const bytes = Buffer.from(isHex || isBase64 ? written : '', isHex ? 'hex' : 'base64');
  if (bytes.length === 32) return bytes.toString('base64url');
  throw invalidField(
    'sha256',
    'is no SHA-256',
    'Write the hash of the key, never the key: in hex or base64url.',
  );
}

/** Epoch seconds, or a date; undefined for never. */
function expiryFrom(written: string | number | null | undefined): number | undefined {
  if (written === undefined || written === null || written === 'never') return undefined;
  if (typeof written === 'number' || /^\d{1,12}$/.test(written)) return Number(written);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(written);
  const ms = isDate ? Date.parse(written) : Number.NaN;
  if (!Number.isNaN(ms)) return Math.floor(ms / MS);
  throw invalidField(
    'expires',
    'is no time',
    'Write epoch seconds, a date like 2027-12-31 or 2027-12-31T12:00:00Z, or never.',
  );
}

function once(seen: Set<string>, what: string, parameter: string): void {
  if (seen.has(what))
    throw invalidField(
      parameter,
      'stands in an earlier line too',
      'Write each key once, and each name once an account.',
    );
  seen.add(what);
}

function notAKey(error: z.ZodError): Problem {
  const [issue] = error.issues;
  const hint = `Each key is an object with: ${FIELDS}.`;
  if (issue?.code === 'unrecognized_keys') return invalidField(issue.keys[0] ?? '', 'is not read here', hint);
  const name = issue?.path[0];
  return name === undefined
    ? invalidField('keys', 'has something that is no object', hint)
    : invalidField(String(name), 'is missing, or not what it should be', hint);
}

function noAccount(): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: 'There is no account of this e-mail address or external_id.',
    hint: 'Make it first, or have accounts made for all who have none: --make-accounts, or "make_accounts": true.',
    parameter: 'email',
  });
}
