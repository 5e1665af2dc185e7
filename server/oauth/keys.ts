import { hkdfSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import { declare, type Store, Taken } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { WrongSettings } from '../ground/settings.ts';

const keySetSchema = z.strictObject({
  id: z.string(),
  /** JWE (dir, A256GCM) of the private JWK set, under a key derived from LATCHKEY_SECRET. */
  encrypted: z.string(),
  createdAt: z.number(),
});

const keySetDeclaration = declare<z.infer<typeof keySetSchema>>({
  name: 'signing_keys',
  schema: keySetSchema,
});

/** What OpenID Connect Core section 15.1 asks for, and what every client expects that names no other. */
export const SIGNING_ALGORITHM = 'RS256';

/** Keys for different ends derived from the one secret (HKDF, RFC 5869), so that none gives away another. */
export function derivedKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, 'latchkey', purpose, 32));
}

/** The private signing keys, made on the first start unless `mayMake` is false; each process of a store has the same. */
export async function loadSigningKeys(parts: {
  store: Store;
  secret: string;
  clock: Clock;
  mayMake?: boolean;
}): Promise<{ keys: JWK[] }> {
  const keySets = await parts.store.collection(keySetDeclaration);
  const key = derivedKey(parts.secret, 'signing keys at rest');
  let row = await keySets.get('signing');
  if (row === undefined && parts.mayMake === false) {
    throw new WrongSettings(['there are no signing keys yet; the first start of the server makes them']);
  }
  if (row === undefined) {
    const text = new TextEncoder().encode(JSON.stringify({ keys: [await generateKey()] }));
    const encrypted = await new CompactEncrypt(text)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(key);
    try {
      await keySets.insert({ id: 'signing', encrypted, createdAt: parts.clock() });
    } catch (error) {
      // Another process made them at the same time: those count.
      if (!(error instanceof Taken)) throw error;
    }
    row = await keySets.get('signing');
  }
  if (row === undefined) throw new Error('the signing keys just written cannot be read');
  try {
    const { plaintext } = await compactDecrypt(row.encrypted, key);
    const { keys } = JSON.parse(new TextDecoder().decode(plaintext)) as { keys: JWK[] };
    // Older stores have one for ES256 as well, which never signed anything.
    return { keys: keys.filter(({ alg }) => alg === SIGNING_ALGORITHM) };
  } catch (cause) {
    throw new WrongSettings(
      [
        'LATCHKEY_SECRET is not the one that this store was made with: its signing keys cannot be opened; set the secret it had',
      ],
      { cause },
    );
  }
}

async function generateKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg: SIGNING_ALGORITHM, use: 'sig', kid: crypto.randomUUID() };
}
