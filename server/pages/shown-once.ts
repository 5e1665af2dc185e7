import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { SHOWN_ONCE_SECONDS } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { readCookie, writeCookie } from '../http/cookies.ts';

/** The value of a credential that was just made, until its owner says that they have copied it. */
const sealedValueSchema = z.strictObject({
  /** The credential. */
  id: z.string(),
  accountId: z.string(),
  /** AES-256-GCM: the 12 bytes of its nonce, the ciphertext and the 16 bytes of its tag, base64url. */
  sealed: z.string(),
  expiresAt: z.number(),
});

export type SealedValue = z.infer<typeof sealedValueSchema>;

export const sealedValueDeclaration = declare<SealedValue>({
  name: 'sealed_values',
  schema: sealedValueSchema,
  indexes: [['expiresAt']],
  expires: { expiresAt: 0 },
});

/** What a page shows this once. */
const shownSchema = z.object({
  title: z.string(),
  value: z.string(),
  /** After a rotation: when the older ones end. */
  othersEndAt: z.number().optional(),
});

export type Shown = z.infer<typeof shownSchema>;

/** Whose value it is, and of which credential. */
type Which = { id: string; accountId: string };

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** As the cookie has it: 32 random bytes, base64url. */
const BROWSER_PART = /^[\w-]{43}$/;

export type ShownOnce = ReturnType<typeof createShownOnce>;

/**
 * Values that are shown this once, on a page that may be reloaded until somebody says that they have copied it, for five
 * minutes at most. At rest a value is sealed under a key that takes the server's secret and a random part that only the
 * cookie of the browser has: neither a stolen database nor another browser of the same account opens it.
 */
export function createShownOnce(parts: {
  sealedValues: Collection<SealedValue>;
  clock: Clock;
  settings: Pick<Settings, 'secret' | 'production'>;
}) {
  const { sealedValues, clock, settings } = parts;
  const cookieName = `${settings.production ? '__Host-' : ''}latchkey_shown_once`;

  const partIn = (ctx: Context): string | undefined => {
    const value = readCookie(ctx, cookieName);
    return BROWSER_PART.test(value) ? value : undefined;
  };

  function keyFor({ id }: Which, browserPart: string): Buffer {
    const salt = Buffer.from(browserPart, 'base64url');
    return Buffer.from(hkdfSync('sha256', settings.secret, salt, `value shown once: ${id}`, 32));
  }

  /**
   * Gives this browser its part of the keys, if it has none. Pages do so before their form is sent, because of two posts
   * at a time a browser drops the answer to the first, with its cookies.
   */
  function prepare(ctx: Context): string {
    const known = partIn(ctx);
    if (known !== undefined) return known;
    const part = randomBytes(32).toString('base64url');
    writeCookie(ctx, { name: cookieName, value: part, secure: settings.production });
    return part;
  }

  return {
    prepare,

    /** Seals a value for this browser and this account. */
    async keep(ctx: Context, which: Which, shown: Shown): Promise<void> {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor(which, prepare(ctx)), nonce);
      cipher.setAAD(Buffer.from(which.accountId));
      const text = Buffer.concat([cipher.update(JSON.stringify(shown), 'utf8'), cipher.final()]);
      const sealed = Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url');
      const { id, accountId } = which;
      await sealedValues.insert({ id, accountId, sealed, expiresAt: clock() + SHOWN_ONCE_SECONDS });
    },

    /** The value with when it goes; undefined in another browser or account, and when it is gone. */
    async open(ctx: Context, which: Which): Promise<(Shown & { until: number }) | undefined> {
      const row = await sealedValues.get(which.id);
      const part = partIn(ctx);
      if (row === undefined || part === undefined) return undefined;
      if (row.accountId !== which.accountId || row.expiresAt <= clock()) return undefined;
      const text = unsealed(row.sealed, keyFor(which, part), which.accountId);
      return text === undefined
        ? undefined
        : { ...shownSchema.parse(JSON.parse(text)), until: row.expiresAt };
    },

    /** Its owner has copied it. */
    async forget({ id, accountId }: Which): Promise<void> {
      await sealedValues.remove(id, [['accountId', '=', accountId]]);
    },
  };
}

/** Undefined for what was sealed under another key, or changed since. */
function unsealed(sealed: string, key: Buffer, accountId: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(accountId));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
