import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Who signs in at the provider: the claims that it makes about them. */
export type Person = {
  sub: string;
  email?: string;
  email_verified?: boolean | string;
  name?: string;
  auth_time?: number;
};

/** What the provider does wrong; nothing when absent. */
export type Fault =
  | 'discovery-500'
  | 'token-500'
  | 'token-garbage'
  | 'token-never'
  | 'wrong-iss'
  | 'wrong-response-iss'
  | 'wrong-aud'
  | 'wrong-nonce'
  | 'no-nonce'
  | 'alg-none'
  | 'alg-hs256'
  | 'expired'
  | 'bad-signature'
  | 'unknown-key';

export type Behaviour = {
  /** Signed in at once, without a page. Without it, a page asks for an e-mail address. */
  person?: Person;
  /** Refuses at the authorization endpoint with this error. */
  authorizeError?: string;
  fault?: Fault;
  /** The ID token says nothing of the e-mail; userinfo does. */
  emailInUserinfo?: boolean;
  /** What the ID token leaves out; userinfo says it. */
  idTokenOmits?: string[];
  /** What userinfo answers, where that is not the person's claims. */
  userinfo?: Record<string, unknown>;
  /** What the metadata say otherwise; null: nothing. */
  metadata?: Record<string, unknown>;
  /** The one way in which it takes the client's secret; either where absent. */
  takesSecretBy?: 'basic' | 'post';
  /** Knows no such client, and says so with a challenge (RFC 6749 section 5.2) or with words alone. */
  refusesClient?: 'challenge' | 'words' | 'page';
  /** Sends far too much from there. */
  huge?: 'discovery' | 'jwks' | 'token' | 'userinfo';
  /** How: of known length, in chunks, compressed, or a byte at a time that never ends. */
  hugeAs?: 'length' | 'chunks' | 'gzip' | 'trickle';
  /** Does not say when it asked the person, although it was asked to, as Google unless it is set up for it. */
  keepsAuthTime?: boolean;
  /** How far its clock is ahead: for tests that move the clock of the server. */
  aheadSeconds?: number;
};

/** The query of a request to the authorization endpoint. */
export type Seen = { authorize: Record<string, string>; secretBy?: ('basic' | 'post' | 'none')[] };

/** An ID token that a test makes up: its claims, and whose key signs it. */
export type WantedIdToken = {
  claims: Record<string, unknown>;
  header?: Record<string, unknown>;
  by?: 'provider' | 'stranger' | 'secret' | 'nobody';
};

export type TestGoogle = {
  issuer: string;
  /** For `settings.google`. */
  settings: { clientId: string; clientSecret: string; issuer: string };
  /** How it behaves from now on. */
  behave(behaviour: Behaviour): Promise<void>;
  /** An ID token as the provider, or somebody who plays it, signs it. */
  sign(wanted: WantedIdToken): Promise<string>;
  /** What was asked of it since. */
  seen(): Promise<Seen[]>;
  /** How many bytes of too large answers it could send since. */
  bytesSent(): Promise<number>;
  stop(): Promise<void>;
};

/** Starts a second OpenID provider in a process of its own, which plays Google. */
export async function startGoogle(): Promise<TestGoogle> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'google-process.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const issuer = line.toString().trim();
  return {
    issuer,
    settings: { clientId: 'latchkey-test', clientSecret: 'google-test-secret', issuer },
    async behave(behaviour) {
      await fetch(`${issuer}/control`, { method: 'PUT', body: JSON.stringify(behaviour) });
    },
    async sign(wanted) {
      const init = { method: 'POST', body: JSON.stringify(wanted) };
      return (await (await fetch(`${issuer}/control/sign`, init)).json()) as string;
    },
    async seen() {
      return (await (await fetch(`${issuer}/control`)).json()) as Seen[];
    },
    async bytesSent() {
      return (await (await fetch(`${issuer}/control/bytes`)).json()) as number;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
    },
  };
}
