import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Account } from '../../server/accounts/account.ts';
import { type Domain, openDomain } from '../../server/domain.ts';
import type { Actor } from '../../server/ground/actor.ts';
import { createLog } from '../../server/ground/log.ts';
import { type OwnerSettings, readSettings } from '../../server/ground/settings.ts';
import { passwordCost } from './password-cost.ts';

export const actor: Actor = { kind: 'operator', from: '192.0.2.7', requestId: 'request-1' };

export type TestDomain = Domain & {
  /** Moves the clock on. */
  pass(seconds: number): void;
  account(email: string, admin?: boolean): Promise<Account>;
  /** What was audited about an account, oldest first, as `action targetName`. */
  audited(accountId: string): Promise<string[]>;
  /** Subjects of the mails to an address, oldest first. */
  mailed(to: string): Promise<string[]>;
  /** Every row of every collection as text, to look for what must not be in there. */
  dump(): Promise<string>;
  stop(): Promise<void>;
};

/** The domain on a store of its own, with a clock that the test moves and no background work. */
export async function openTestDomain(
  options: { storeUrl?: string; settings?: OwnerSettings; config?: string } = {},
): Promise<TestDomain> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-domain-'));
  const store = options.storeUrl ?? `sqlite:${join(folder, 'latchkey.db')}`;
  const environment = options.config === undefined ? {} : { LATCHKEY_CONFIG: options.config };
  const settings = readSettings({ data: folder, store, ...options.settings }, environment);
  let now = 1_900_000_000;
  const log = createLog(new Writable({ write: (_chunk, _encoding, done) => done() }));
  const domain = await openDomain(settings, { clock: () => now, log, passwordCost });
  const { rows } = domain;

  return {
    ...domain,
    pass: (seconds) => {
      now += seconds;
    },
    account: (email, admin = false) => domain.accounts.create({ email, admin }, actor),
    async audited(accountId) {
      const entries = await rows.audit.list({
        where: [['accountId', '=', accountId]],
        order: { by: 'at' },
        limit: 1000,
      });
      return entries.map((entry) => `${entry.action} ${entry.targetName}`);
    },
    async mailed(to) {
      const messages = await rows.outbox.list({ where: [['to', '=', to]], limit: 1000 });
      return messages.map((message) => message.subject);
    },
    async dump() {
      const lists = await Promise.all(
        Object.values(rows).map((collection) => collection.list({ limit: 1000 })),
      );
      return JSON.stringify(lists);
    },
    async stop() {
      await domain.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
