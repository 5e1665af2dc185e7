import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { boundedFetch } from '../ground/bounded-fetch.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';

/** A key that was withdrawn is believed no longer than this. */
const KEPT_SECONDS = DAY_SECONDS;
/** Whoever names keys that are not there has us ask GitHub no more often. */
const ASKED_SECONDS = MINUTE_SECONDS;

const answerSchema = z.object({
  public_keys: z.array(z.object({ key_identifier: z.string().min(1), key: z.string() })).max(100),
});

/** What comes with a message of GitHub's: two headers, and the bytes of its body. */
export type SignedMessage = { keyId: string; signature: string; body: Buffer };

/**
 * Whether a message is GitHub's: ECDSA over P-256 with SHA-256, by one of the keys that GitHub publishes. They are kept
 * for a day, and asked for again where a message names one that is not among them.
 */
export function createGithubKeys(parts: { clock: Clock; settings: Pick<Settings, 'leaks'> }) {
  const { clock, settings } = parts;
  let keys = new Map<string, KeyObject>();
  let keptAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    askedAt = clock();
    const answer = await boundedFetch(settings.leaks.githubKeys, { headers: { Accept: 'application/json' } });
    if (answer.status !== 200) throw new Error(`the keys were answered with ${answer.status}`);
    const { public_keys } = answerSchema.parse(await answer.json());
    keys = new Map(public_keys.flatMap(({ key_identifier, key }) => usable(key_identifier, key)));
    keptAt = clock();
  }

  async function keyOf(keyId: string): Promise<KeyObject | undefined> {
    const isFresh = Math.abs(clock() - keptAt) < KEPT_SECONDS;
    if (isFresh && keys.has(keyId)) return keys.get(keyId);
    // Of those who wait, all wait for one.
    if (asking === undefined && Math.abs(clock() - askedAt) >= ASKED_SECONDS) {
      asking = ask().finally(() => {
        asking = undefined;
      });
    }
    try {
      await asking;
    } catch (error) {
      throw keysUnavailable(error);
    }
    if (Math.abs(clock() - keptAt) >= KEPT_SECONDS) throw keysUnavailable();
    return keys.get(keyId);
  }

  return {
    /** Throws Problem 403 for a message that is not GitHub's, and 503 where its keys cannot be had. */
    async check({ keyId, signature, body }: SignedMessage): Promise<void> {
      if (keyId === '' || signature === '') throw notSigned('It has no signature.');
      const key = await keyOf(keyId);
      if (key === undefined) throw notSigned('GitHub has no such key.');
      if (!verify('sha256', body, key, Buffer.from(signature, 'base64'))) {
        throw notSigned('The signature does not fit the body.');
      }
    },
  };
}

/** Keys of another kind than GitHub documents are not used. */
function usable(id: string, pem: string): [string, KeyObject][] {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? [[id, key]] : [];
  } catch {
    return [];
  }
}

function notSigned(found: string): Problem {
  return new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: `This is no message of GitHub's secret scanning. ${found}`,
    hint: 'Report leaked values to /credentials/revoke, which needs no signature.',
  });
}

function keysUnavailable(cause?: unknown): Problem {
  return new Problem({
    status: 503,
    code: 'UNAVAILABLE',
    message: 'The keys that GitHub signs with cannot be had at the moment.',
    hint: 'Send it again in a minute.',
    headers: { 'Retry-After': String(MINUTE_SECONDS) },
    cause,
  });
}
