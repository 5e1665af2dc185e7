import type { Collection } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { IMPORTED_KEY_LENGTH_MAX, IMPORTED_KEY_LENGTH_MIN } from '../ground/limits.ts';
import { hashOf } from '../ground/opaque.ts';
import type { Credential } from './credential.ts';
import { checkFormat } from './secret-format.ts';

/** So long a process may not know that another one has imported the first key. */
const LOOK_AGAIN_SECONDS = 5;
const FORM = new RegExp(`^[\\x21-\\x7e]{${IMPORTED_KEY_LENGTH_MIN},${IMPORTED_KEY_LENGTH_MAX}}$`);

export type ImportedKeys = ReturnType<typeof createImportedKeys>;

/**
 * Keys that an app gave out before it had this server. They have any form. Looking for a value of foreign form costs a
 * read, so it is done only where there are such keys at all: elsewhere garbage costs one look each few seconds, however
 * much of it comes.
 */
export function createImportedKeys({
  credentials,
  clock,
}: {
  credentials: Collection<Credential>;
  clock: Clock;
}) {
  let areThere = false;
  let looked: { at: number; found: Promise<boolean> } | undefined;

  async function look(): Promise<boolean> {
    areThere ||=
      (await credentials.list({ where: [['imported', '=', true]], order: { by: 'createdAt' }, limit: 1 }))
        .length > 0;
    return areThere;
  }

  /** Whether there may be any: once there were, until this process ends. */
  function exist(): Promise<boolean> {
    if (areThere) return Promise.resolve(true);
    const now = clock();
    if (looked === undefined || Math.abs(now - looked.at) >= LOOK_AGAIN_SECONDS) {
      const found = look();
      looked = { at: now, found };
      found.catch(() => {
        looked = undefined;
      });
    }
    return looked.found;
  }

  return {
    exist,

    /** The imported key with this value, whatever its state; undefined for all else, also for what has our own form. */
    async find(value: string): Promise<Credential | undefined> {
      if (!FORM.test(value) || checkFormat(value) !== 'foreign' || !(await exist())) return undefined;
      const row = await credentials.find('hash', hashOf(value));
      return row?.imported === true ? row : undefined;
    },

    /** One was imported by this process: it is found from now on. */
    noteOne(): void {
      areThere = true;
    },
  };
}
