import { randomBytes } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Collection, declare, Taken } from '../../adapters/port.ts';
import { newDevice } from '../../views/mail/new-device.ts';
import type { Account } from '../accounts/account.ts';
import { type Effects, type EffectsOfChange, pendingEffects } from '../effects/effects.ts';
import type { Clock } from '../ground/clock.ts';
import { DEVICE_DAYS } from '../ground/limits.ts';
import { hashOf } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { browserOf } from './user-agent.ts';

/** One thing by which a device of an account is known: its cookie, or its browser, system and network. */
const knownDeviceSchema = z.strictObject({
  /** SHA-256 of the account and of what it is known by, so that a cookie cannot be read off it. */
  id: z.string(),
  accountId: z.string(),
  seenAt: z.number(),
  /** Absent in the one row that says that the account was signed in to before. */
  expiresAt: z.number().optional(),
  ...pendingEffects,
});

export type KnownDevice = z.infer<typeof knownDeviceSchema>;

export const knownDeviceDeclaration = declare<KnownDevice>({
  name: 'known_devices',
  schema: knownDeviceSchema,
  indexes: [['accountId', 'seenAt'], ['expiresAt'], ['pendingAt']],
  expires: { expiresAt: 0 },
});

/** Two rows a device, and more devices than anybody has; the one not seen for longest makes room. */
const ROWS_PER_ACCOUNT_MAX = 60;
/** More than one sign-in adds. */
const REMOVED_MAX = 20;

/** As sites are handed out networks: an address inside one changes by itself. */
const NETWORK_BITS = { ipv4: 24, ipv6: 48 } as const;

/** A sign-in, as the browser shows itself in it. */
export type DeviceSignIn = {
  account: Account;
  userAgent: string;
  from: string;
  requestId: string;
  /** The value of the browser's device cookie, '' where it has none. */
  cookie: string;
};

type Parts = {
  knownDevices: Collection<KnownDevice>;
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type KnownDevices = ReturnType<typeof createKnownDevices>;

/**
 * The devices that somebody signed in with. Of one that is new its owner is mailed, once: the mail is in the very row
 * that makes the device known.
 */
export function createKnownDevices(parts: Parts) {
  const { knownDevices, clock } = parts;

  return {
    /**
     * Notes the device of a sign-in and mails its owner where it is new, but not at the first sign-in of an account.
     * Answers the value that the device's cookie is to have. Called before the session is there: cut short in between,
     * a mail too many was sent, and none too few.
     */
    async note(signIn: DeviceSignIn): Promise<string> {
      const { account, cookie } = signIn;
      const first = { id: idOf(account, 'first'), accountId: account.id, seenAt: clock() };
      const isFirst = (await knownDevices.insertMany([first])) === 1;
      const byCookie = cookie !== '' && (await seeAgain(parts, idOf(account, 'cookie', cookie)));
      const mark = markOf(signIn);
      const byMark = await seeAgain(parts, mark);
      if (!byMark && !byCookie && !isFirst) await tell(parts, mark, signIn);
      else if (!byMark) await knownDevices.insertMany([rowOf(parts, account, mark)]);
      if (byCookie) return cookie;
      // A value that this account does not know may have been planted by somebody who does.
      const fresh = randomBytes(32).toString('base64url');
      await knownDevices.insertMany([rowOf(parts, account, idOf(account, 'cookie', fresh))]);
      await forgetOldest(parts, account.id);
      return fresh;
    },

    /** When an account is removed. */
    async removeAll(accountId: string): Promise<void> {
      const where = [['accountId', '=', accountId]] as const;
      while ((await knownDevices.removeMany(where, ROWS_PER_ACCOUNT_MAX)) === ROWS_PER_ACCOUNT_MAX);
    },
  };
}

/** The network of an address, as `NETWORK_BITS` cut it. */
export function networkOfDevice(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  const bits = NETWORK_BITS[parsed.kind()];
  const bytes = parsed.toByteArray().slice(0, bits / 8);
  return `${Buffer.from(bytes).toString('hex')}/${bits}`;
}

function markOf({ account, userAgent, from }: DeviceSignIn): string {
  const { name, system } = browserOf(userAgent);
  return idOf(account, 'browser', name, system, networkOfDevice(from));
}

function idOf({ id }: Account, ...knownBy: string[]): string {
  return hashOf(JSON.stringify([id, ...knownBy]));
}

function rowOf({ clock }: Parts, { id: accountId }: Account, id: string): KnownDevice {
  const seenAt = clock();
  return { id, accountId, seenAt, expiresAt: seenAt + DEVICE_DAYS * DAY_SECONDS };
}

/** False where it is not known, or was not seen for so long that it counts as new. */
async function seeAgain({ knownDevices, clock }: Parts, id: string): Promise<boolean> {
  const now = clock();
  const set = { seenAt: now, expiresAt: now + DEVICE_DAYS * DAY_SECONDS };
  return (await knownDevices.update(id, { set }, [['expiresAt', '>', now]])) !== undefined;
}

/** Makes the device known and mails its owner, in one write; of two sign-ins at once, one. */
async function tell(parts: Parts, mark: string, signIn: DeviceSignIn): Promise<void> {
  const { knownDevices, effects, clock } = parts;
  const row = rowOf(parts, signIn.account, mark);
  const caused = noticeOf(parts, signIn);
  const { seenAt, expiresAt } = row;
  const isOver = [['expiresAt', '<=', clock()]] as const;
  const renewed = await effects.update(knownDevices, mark, { set: { seenAt, expiresAt } }, isOver, caused);
  if (renewed !== undefined) return;
  try {
    await effects.insert(knownDevices, row, caused);
  } catch (error) {
    if (!(error instanceof Taken)) throw error;
  }
}

/**
 * Nobody's act on a page, which could be refused for being one too many: a sign-in is never held up by its notice. That
 * of twenty devices within minutes is one mail, see notice-summary.ts.
 */
function noticeOf({ clock, settings }: Parts, signIn: DeviceSignIn): EffectsOfChange {
  const { account, userAgent, from, requestId } = signIn;
  const { label } = browserOf(userAgent);
  const actor = { kind: 'system', from, requestId } as const;
  const target = { targetId: account.id, targetName: label };
  return {
    audit: [{ accountId: account.id, actor, action: 'session.new_device', ...target }],
    mail: [{ to: account.email, ...newDevice(settings, { signedInAt: clock(), from, browser: label }) }],
  };
}

async function forgetOldest({ knownDevices }: Parts, accountId: string): Promise<void> {
  const where = [
    ['accountId', '=', accountId],
    ['expiresAt', 'present'],
  ] as const;
  const order = { by: 'seenAt', descending: true } as const;
  const rows = await knownDevices.list({ where, order, limit: ROWS_PER_ACCOUNT_MAX + REMOVED_MAX });
  // One that still carries its mail stays until that is delivered.
  for (const { id } of rows.slice(ROWS_PER_ACCOUNT_MAX)) {
    await knownDevices.remove(id, [['pendingId', 'absent']]);
  }
}
