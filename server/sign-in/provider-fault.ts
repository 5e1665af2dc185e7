import type { Logger } from 'pino';
import { Problem, SignInNeeded } from '../ground/errors.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';

/**
 * Why a sign-in at the identity provider failed. `away`: it does not answer; `refused`: it does not know us as its
 * client; `untrusted`: its answer cannot be believed; `not-completed`: this one came to nothing.
 */
export type ProviderFault = {
  kind: 'away' | 'refused' | 'untrusted' | 'not-completed';
  /** For the log; made by `saidBy` where the provider wrote it. */
  reason: string;
  /** The operator has to correct something, whatever it looked like to the person. */
  isOurs?: boolean;
};

/** Carries a fault to the log, with what was thrown. */
class FaultOfProvider extends Error {
  readonly fault: ProviderFault;

  constructor(fault: ProviderFault, cause: unknown) {
    super(fault.reason, { cause });
    this.fault = fault;
  }
}

const REASON_LENGTH_MAX = 300;

/** What another server wrote, as it may be logged: short, on one line, without what we sent it. */
export function saidBy(written: string, secrets: readonly string[]): string {
  let text = written;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '(removed)');
  const line = withoutSecrets(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim());
  return line.slice(0, REASON_LENGTH_MAX);
}

/** What the fault is to the person who waits; the reason is for the log alone. */
export function problemOf(fault: ProviderFault, name: string, thrown: unknown): Problem {
  const cause = new FaultOfProvider(fault, thrown);
  switch (fault.kind) {
    case 'not-completed':
      return new Problem({
        status: 400,
        code: 'FEDERATED_SIGN_IN_FAILED',
        message: `Signing in with ${name} was not completed.`,
        hint: 'Go to the sign-in page and start again.',
        cause,
      });
    case 'away':
      return new Problem({
        status: 503,
        code: 'ISSUER_UNAVAILABLE',
        message: `${name} did not answer.`,
        hint: 'Try again in a moment, or sign in with your password.',
        headers: { 'Retry-After': '10' },
        cause,
      });
    case 'refused':
      return new Problem({
        status: 502,
        code: 'ISSUER_REFUSED',
        message: `${name} does not accept this site: what it is registered with there does not fit.`,
        hint: 'Tell the people who run this site; their log has the reason. Until then sign in with your password.',
        cause,
      });
    case 'untrusted':
      return new Problem({
        status: 400,
        code: 'UNTRUSTED_ANSWER',
        message: `What ${name} answered cannot be trusted, so nobody was signed in.`,
        hint: 'Go to the sign-in page and start again. If it stays, tell the people who run this site.',
        cause,
      });
  }
}

/** The reason of a failure at the provider, if that is what it is. */
export function reasonOf(error: unknown): string | undefined {
  const cause = error instanceof Problem ? error.cause : undefined;
  return cause instanceof FaultOfProvider ? cause.fault.reason : undefined;
}

const SENTENCES = {
  away: 'the federated issuer does not answer as it should',
  refused: 'the federated issuer refuses GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET',
  untrusted: 'the federated issuer gave an answer that cannot be trusted',
  'not-completed': 'a federated sign-in was not completed',
} as const;

/** Writes down why a federated sign-in failed: the person is only told what they can do about it. */
export function logRefusal(
  log: Pick<Logger, 'warn' | 'error'>,
  error: unknown,
  about: { issuer: string; requestId: string },
): void {
  if (!(error instanceof Problem) || error instanceof SignInNeeded) return;
  if (!(error.cause instanceof FaultOfProvider)) {
    log.warn({ ...about, problem: error.code, reason: error.message }, 'a federated sign-in was refused');
    return;
  }
  const { kind, reason, isOurs = kind !== 'not-completed' } = error.cause.fault;
  log[isOurs ? 'error' : 'warn']({ ...about, problem: error.code, reason }, SENTENCES[kind]);
}
