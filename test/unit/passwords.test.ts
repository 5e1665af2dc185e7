import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { argon2Sync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createPasswords } from '../../server/accounts/passwords.ts';
import { Problem } from '../../server/ground/errors.ts';

const passwords = createPasswords({ appName: 'Tidy Ledger' });
const owner = { email: 'marguerite@example.com' };

describe('password rules', () => {
  const refused = [
    ['short', 'seven77'],
    ['seven characters in fourteen UTF-16 units', '🦉🦉🦉🦉🦉🦉🦉'],
    ['longer than 128', 'x'.repeat(129)],
    ['60 kB of combining marks', `e${'\u0316\u0301'.repeat(15_000)}`],
    ['common', 'iloveyou'],
    ['common in capitals', 'ILOVEYOU'],
    ['common with digits', '12345678'],
    ['the address', 'marguerite@example.com'],
    ['the name before the @', 'Marguerite'],
    ['that with a year', 'marguerite2026'],
    ['the name of the site', 'Tidy-Ledger!'],
  ] as const;
  for (const [what, password] of refused) {
    it(`refuses one that is ${what}`, () => {
      assert.throws(
        () => passwords.requireGood(password, owner),
        (error) =>
          error instanceof Problem &&
          error.code === 'WEAK_PASSWORD' &&
          error.parameter === 'password' &&
          !`${error.message} ${error.hint}`.includes(password),
      );
    });
  }

  const good = ['correct horse battery', 'x9!x9!x9', '🦉'.repeat(8), 'a'.repeat(128).replace(/a$/, 'b')];
  for (const password of good) {
    it(`takes ${JSON.stringify(password.slice(0, 30))}`, () => passwords.requireGood(password, owner));
  }
});

/** A hash of small parameters, made without our code. */
function cheapHash(password: string): string {
  const nonce = Buffer.alloc(16, 7);
  const cost = { parallelism: 1, tagLength: 32, memory: 64, passes: 1 };
  const tag = argon2Sync('argon2id', { message: password, nonce, ...cost });
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=64,t=1,p=1$${unpadded(nonce)}$${unpadded(tag)}`;
}

describe('password hashes', () => {
  it('are PHC strings of argon2id with a salt of their own', async () => {
    const [one, other] = await Promise.all([passwords.hash('same words'), passwords.hash('same words')]);
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    assert.notEqual(one, other);
    assert.deepEqual(await passwords.verify('same words', one), { right: true, outdated: false });
    assert.deepEqual(await passwords.verify('same word', one), { right: false, outdated: false });
  });

  it('do not depend on how the keyboard composed a letter', async () => {
    const phc = await passwords.hash('Z\u00fcrich am See');
    assert.equal((await passwords.verify('Zu\u0308rich am See', phc)).right, true);
  });

  it('fit nobody where there is none, after the same kind of work', async () => {
    assert.deepEqual(await passwords.verify('any words', undefined), { right: false, outdated: false });
    const time = async (phc: string | undefined) => {
      const startedAt = performance.now();
      for (let turn = 0; turn < 5; turn += 1) await passwords.verify('any words', phc);
      return performance.now() - startedAt;
    };
    const phc = await passwords.hash('other words');
    await time(phc);
    const [known, unknown] = [await time(phc), await time(undefined)];
    assert.ok(unknown > known / 3 && unknown < known * 3, `known ${known} ms, unknown ${unknown} ms`);
  });

  it('of other parameters still fit, and ask to be renewed', async () => {
    const phc = cheapHash('old words');
    assert.deepEqual(await passwords.verify('old words', phc), { right: true, outdated: true });
    assert.deepEqual(await passwords.verify('new words', phc), { right: false, outdated: false });
  });

  const settledOf = async (checks: Promise<{ right: boolean }>[]) => {
    const settled = await Promise.allSettled(checks);
    const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    for (const problem of refused) {
      assert.equal(problem.status, 503);
      assert.equal(problem.headers['Retry-After'], '5');
    }
    return { refused: refused.length, done: settled.length - refused.length };
  };

  it('refuse a flood with 503 and go on after it', async () => {
    const flooded = createPasswords({ appName: 'x' });
    const phc = cheapHash('right words');
    const guess = (index: number) =>
      flooded.verify('wrong words', phc, { network: `n${index % 8}`, mailbox: `m${index}` });
    const guesses = await settledOf(Array.from({ length: 80 }, (_, index) => guess(index)));
    assert.deepEqual(guesses, { refused: 80 - 66, done: 66 });
    assert.equal((await flooded.verify('right words', phc)).right, true);
  });

  it('keep a few places for each person, and most but not all of them for a network', async () => {
    const flooded = createPasswords({ appName: 'x' });
    const phc = cheapHash('right words');
    const flood = (network: string, mailbox: (index: number) => string) =>
      Array.from({ length: 100 }, (_, index) =>
        flooded.verify('right words', phc, { network, mailbox: mailbox(index) }),
      );
    assert.deepEqual(await settledOf(flood('office', () => 'bob')), { refused: 90, done: 10 });
    assert.deepEqual(await settledOf(flood('office', String)), { refused: 50, done: 50 });
  });

  it('come to their turn for honest people, beside accounts and networks that flood', async () => {
    const flooded = createPasswords({ appName: 'x' });
    const phc = cheapHash('right words');
    const check = (network: string, mailbox: string) =>
      flooded.verify('right words', phc, { network, mailbox });
    const robots = (count: number, network: (index: number) => string) =>
      Promise.allSettled(
        Array.from({ length: count }, (_, index) => check(network(index), `robot${index % 4}`)),
      );
    const floods = [robots(300, () => 'office'), robots(300, (index) => `line${(index >> 2) % 3}`)];
    const order: string[] = [];
    const honest = Array.from({ length: 21 }, async (_, index) => {
      const verdict = await check('office', `person${index}`);
      order.push(`person${index}`);
      return verdict;
    });
    const alone = check('home', 'ann').then((verdict) => {
      order.push('ann');
      return verdict;
    });
    assert.deepEqual(await settledOf([...honest, alone]), { refused: 0, done: 22 });
    // Networks are served in turn: whoever is alone on theirs does not wait for all of an office.
    assert.ok(order.indexOf('ann') < 5, order.join());
    await Promise.all(floods);
  });

  it('never run more than two at a time, and hand their places on', async () => {
    const busy = createPasswords({ appName: 'x' });
    const running = new Set<number>();
    let begun = 0;
    let most = 0;
    const hook = createHook({
      init(id, type) {
        if (type !== 'ARGON2REQUEST') return;
        begun += 1;
        most = Math.max(most, running.add(id).size);
      },
      before: (id) => void running.delete(id),
    }).enable();
    try {
      await Promise.all(Array.from({ length: 6 }, (_, index) => busy.hash(`words ${index}`)));
    } finally {
      hook.disable();
    }
    assert.deepEqual({ begun, most }, { begun: 6, most: 2 });
  });
});
