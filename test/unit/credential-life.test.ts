import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Account } from '../../server/accounts/account.ts';
import { createIdleEnds } from '../../server/credentials/idle-ends.ts';
import { Problem } from '../../server/ground/errors.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

/** A token as the plain model has it. */
type Known = {
  id: string;
  value: string;
  owner: number;
  createdAt: number;
  endsAt: number;
  /** So long it may lie unused, counted from when it was made or last used. */
  idleDays: number;
  usedAt: number;
  isPaused: boolean;
  isRevoked: boolean;
  isReplaced: boolean;
};

/** The plain model: what there is, and what of it should work now. */
class Model {
  readonly tokens: Known[] = [];
  readonly suspended = new Set<number>();
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  hasEnded = (token: Known): boolean =>
    token.isRevoked || token.endsAt <= this.now || token.usedAt + token.idleDays * DAY <= this.now;
  works = (token: Known): boolean =>
    !this.hasEnded(token) && !token.isPaused && !this.suspended.has(token.owner);

  add(token: Pick<Known, 'id' | 'value' | 'owner' | 'endsAt' | 'idleDays'>): void {
    const flags = { isPaused: false, isRevoked: false, isReplaced: false };
    this.tokens.push({ ...token, createdAt: this.now, usedAt: this.now, ...flags });
  }
}

type World = { domain: TestDomain; model: Model; owners: readonly Account[] };

/** One act on the real tokens and on those of the model. */
type Act = (world: World) => Promise<void>;

/** Refused by the domain exactly where the model says so. */
async function refusedIf(isWrong: boolean, act: () => Promise<unknown>): Promise<void> {
  if (!isWrong) return void (await act());
  const codes = ['NOT_LIVE', 'ROTATED_ALREADY', 'INVALID_OVERLAP'];
  await assert.rejects(act(), (error) => error instanceof Problem && codes.includes(error.code));
}

const make =
  (owner: number, days: number, idleDays: number): Act =>
  async ({ domain, model, owners }) => {
    const account = owners[owner] ?? assert.fail();
    const endsAt = model.now + days * DAY;
    const narrowing = Number.isFinite(idleDays) ? { idleDays: String(idleDays) } : undefined;
    const name = `Token ${model.tokens.length}`;
    const wanted = { account, name, scopes: ['profile'], expiresAt: endsAt, narrowing };
    // Somebody who is suspended has no page to make one on; the domain undoes it.
    if (model.suspended.has(owner)) return void (await assert.rejects(domain.tokens.mint(wanted, actor)));
    const { credential, value } = await domain.tokens.mint(wanted, actor);
    model.add({ id: credential.id, value, owner, endsAt, idleDays });
  };

/** Of one of the tokens that there are. */
function ofToken(pick: number, act: (world: World, token: Known, account: Account) => Promise<void>): Act {
  return async (world) => {
    const { tokens } = world.model;
    const token = tokens[pick % Math.max(1, tokens.length)];
    if (token !== undefined) await act(world, token, world.owners[token.owner] ?? assert.fail());
  };
}

const rotate = (pick: number, overlapSeconds: number): Act =>
  ofToken(pick, async ({ domain, model }, token, account) => {
    const which = { accountId: account.id, id: token.id };
    if (model.suspended.has(token.owner)) return;
    const isTooLong = model.now + overlapSeconds > token.endsAt;
    const isWrong = model.hasEnded(token) || token.isPaused || token.isReplaced || isTooLong;
    const lifeSeconds = token.endsAt - token.createdAt;
    await refusedIf(isWrong, async () => {
      const made = await domain.tokens.rotate(which, { account, overlapSeconds }, actor);
      const endsAt = model.now + lifeSeconds;
      const { owner, idleDays } = token;
      model.add({ id: made.credential.id, value: made.value, owner, endsAt, idleDays });
    });
    if (isWrong) return;
    token.isReplaced = true;
    token.endsAt = Math.min(token.endsAt, model.now + overlapSeconds);
  });

/** A first use is noted at once, the next ones once a minute. */
const use = (pick: number): Act =>
  ofToken(pick, async ({ domain, model }, token) => {
    const found = await domain.bearers.find(token.value);
    if ('refused' in found) return;
    domain.bearers.noteUse(found, '192.0.2.1');
    await domain.lastUsed.flush();
    if (found.lastUsedAt === undefined || found.lastUsedAt <= model.now - 60) token.usedAt = model.now;
  });

/** The work of each hour, whenever it comes. */
const endIdleOnes: Act = async ({ domain }) => {
  await createIdleEnds({ ...domain, credentials: domain.rows.credentials }).run(domain.clock());
};

const pause = (pick: number): Act =>
  ofToken(pick, async ({ domain, model }, token, { id }) => {
    const isWrong = model.hasEnded(token);
    await refusedIf(isWrong, () => domain.tokens.pause({ accountId: id, id: token.id }, actor));
    token.isPaused ||= !isWrong;
  });

const resume = (pick: number): Act =>
  ofToken(pick, async ({ domain, model }, token, { id }) => {
    const isWrong = model.hasEnded(token);
    await refusedIf(isWrong, () => domain.tokens.resume({ accountId: id, id: token.id }, actor));
    token.isPaused &&= isWrong;
  });

const revoke = (pick: number): Act =>
  ofToken(pick, async ({ domain }, token, { id }) => {
    await domain.tokens.revoke({ accountId: id, id: token.id }, actor);
    token.isRevoked = true;
  });

const revokeAll =
  (owner: number): Act =>
  async ({ domain, model, owners }) => {
    await domain.tokens.revokeAll(owners[owner]?.id ?? '', actor);
    for (const token of model.tokens) token.isRevoked ||= token.owner === owner && !model.hasEnded(token);
  };

const pass =
  (seconds: number): Act =>
  async ({ domain, model }) => {
    domain.pass(seconds);
    model.now += seconds;
  };

const suspend =
  (owner: number, isSuspended: boolean): Act =>
  async ({ domain, model, owners }) => {
    const id = owners[owner]?.id ?? '';
    if (model.suspended.has(owner) === isSuspended) return;
    await (isSuspended ? domain.accounts.suspend(id, actor) : domain.accounts.restore(id, actor));
    if (isSuspended) model.suspended.add(owner);
    else model.suspended.delete(owner);
  };

const anyPick = fc.nat(11);
const anyOwner = fc.nat(1);
const anyIdleDays = fc.constantFrom(Number.POSITIVE_INFINITY, 1, 9);
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(anyOwner, fc.constantFrom(1, 7, 90), anyIdleDays).map((g) => make(...g)) },
  { weight: 3, arbitrary: anyPick.map(use) },
  { weight: 1, arbitrary: fc.constant(endIdleOnes) },
  { weight: 3, arbitrary: fc.tuple(anyPick, fc.constantFrom(0, 3600, 30 * DAY)).map((g) => rotate(...g)) },
  { weight: 2, arbitrary: anyPick.map(pause) },
  { weight: 2, arbitrary: anyPick.map(resume) },
  { weight: 1, arbitrary: anyPick.map(revoke) },
  { weight: 3, arbitrary: fc.constantFrom(1, 3600, DAY, 8 * DAY).map(pass) },
  { weight: 1, arbitrary: fc.tuple(anyOwner, fc.boolean()).map((given) => suspend(...given)) },
  { weight: 1, arbitrary: anyOwner.map(revokeAll) },
);

eachStore(({ engine, url }) => {
  describe('the life of tokens', () => {
    let domain: TestDomain;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    });
    after(() => domain.stop());

    it('is at every step what a plain model says, whatever is done in whichever order', async () => {
      let run = 0;
      const property = fc.asyncProperty(
        fc.array(anyAct, { minLength: 5, maxLength: engine === 'sqlite' ? 30 : 15 }),
        async (acts) => {
          run += 1;
          const owners = [
            await domain.account(`ann${run}@example.com`),
            await domain.account(`bob${run}@example.com`),
          ];
          const world: World = { domain, owners, model: new Model(domain.clock()) };
          for (const act of acts) {
            await act(world);
            for (const token of world.model.tokens) {
              const found = await domain.bearers.find(token.value);
              assert.equal(!('refused' in found), world.model.works(token), JSON.stringify([token, found]));
            }
          }
        },
      );
      await fc.assert(property, { numRuns: engine === 'sqlite' ? 120 : 15 });
    });
  });
});
