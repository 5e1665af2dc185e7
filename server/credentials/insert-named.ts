import { type Collection, Taken } from '../../adapters/port.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import type { Credential } from './credential.ts';

/**
 * Inserts a credential under its `liveName`. One that holds the name but has expired gives it up (nothing
 * tells the store when a credential expires); a live one keeps it, and the insert is refused with a Problem.
 */
export async function insertNamed(
  parts: { credentials: Collection<Credential>; effects: Effects },
  row: Credential & { liveName: string },
  caused: EffectsOfChange,
  now: number,
): Promise<void> {
  const { credentials, effects } = parts;
  // Two turns are enough unless somebody else takes the freed name in between: then it is taken.
  for (let turn = 0; turn < 2; turn += 1) {
    try {
      return await effects.insert(credentials, row, caused);
    } catch (error) {
      if (!(error instanceof Taken) || error.field !== 'liveName') throw error;
    }
    const holder = await credentials.find('liveName', row.liveName);
    if (holder === undefined) continue;
    const freed = await credentials.update(holder.id, { unset: ['liveName'] }, [
      ['liveName', '=', row.liveName],
      ['expiresAt', '<=', now],
    ]);
    if (freed === undefined) break;
  }
  throw new Problem({
    status: 409,
    code: 'NAME_TAKEN',
    message: `You have a live ${row.kind === 'client_secret' ? 'secret' : 'token'} of this name.`,
    hint: 'Choose another name, or revoke the one that has it first.',
    parameter: 'name',
  });
}
