import { textFrom } from '../credentials/names.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';

/** An admin who does something to somebody else, and why: the account that it is done to can read it. */
export type Manager = Actor & { reason: string };

/** Who acts, with the reason that was given for it. Throws Problem 400 where none was. */
export function managerFrom(actor: Actor, typed: string): Manager {
  const reason = textFrom(typed, 'reason');
  if (reason !== '') return { ...actor, reason };
  throw new Problem({
    status: 400,
    code: 'INVALID_REASON',
    message: 'A reason is missing.',
    hint: 'Say why in a few words: whoever it is done to can read it.',
    parameter: 'reason',
  });
}
