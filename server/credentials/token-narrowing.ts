import type { Where } from '../../adapters/port.ts';
import { tokenChanged } from '../../views/mail/tokens.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { type Credential, hasEnded, idleWarningOf, settingsAsIn } from './credential.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { type Narrowing, narrowingFrom, narrowingInWords, type WantedNarrowing } from './narrowing.ts';
import { auditEntry, isAsBefore, mailToOwner } from './owner.ts';

/**
 * Narrows a token from the next call on, or what is left blank no longer, and mails the owner. Throws Problem, also where
 * it was changed just now: a bound must be of a workflow that it may call.
 */
export async function narrowToken(
  parts: CredentialDependencies,
  token: Credential,
  wanted: WantedNarrowing,
  actor: Actor,
): Promise<Credential> {
  const { credentials, accounts, effects, scopes, clock, settings } = parts;
  if (hasEnded(token, clock()) || token.replacedBy !== undefined) throw cannotBeNarrowed();
  const narrowing = withHistory(narrowingFrom(scopes, wanted, token.scopes), token, clock());
  if (isAsBefore(token, { narrowing })) return token;
  const facts = { ...token, allows: token.scopes.map(scopes.describe), narrows: narrowingInWords(narrowing) };
  const mail = tokenChanged(settings, { ...facts, changedAt: clock(), from: originOf(actor) });
  const guard: Where<Credential> = [['revokedAt', 'absent'], ['replacedBy', 'absent'], settingsAsIn(token)];
  const change = { set: { narrowing, idleAt: idleWarningOf({ ...token, narrowing }) }, add: { edits: 1 } };
  const changed = await effects.update(credentials, token.id, change, guard, {
    audit: [auditEntry('token.narrowed', token, actor)],
    mail: await mailToOwner(accounts, token.accountId, mail),
    repeatable: true,
  });
  if (changed === undefined) throw cannotBeNarrowed();
  return changed;
}

/** An idle life begins now, unless it is as it was; the calls of a day are counted on. */
function withHistory(asked: Narrowing | undefined, token: Credential, now: number): Narrowing | undefined {
  const { countedAs, idleDays, idleFrom } = token.narrowing ?? {};
  const kept = countedAs === undefined ? {} : { countedAs };
  // A name that says nothing narrows nothing, but the count of the day hangs on it.
  if (asked === undefined) return countedAs === undefined ? undefined : kept;
  if (asked.idleDays === undefined) return { ...asked, ...kept };
  const from = asked.idleDays === idleDays ? idleFrom : now;
  return { ...asked, ...kept, ...(from === undefined ? {} : { idleFrom: from }) };
}

function cannotBeNarrowed(): Problem {
  return new Problem({
    status: 409,
    code: 'NOT_LIVE',
    message: 'This token has ended, was rotated, or was changed by somebody else just now.',
    hint: 'Look at the list for what it is now, and try again.',
  });
}
