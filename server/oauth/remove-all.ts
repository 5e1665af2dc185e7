import type { Collection, Where } from '../../adapters/port.ts';
import type { Artifact } from './artifact.ts';

const BATCH_ROWS = 500;

/** Removes every row that matches, in batches, so that no single statement runs long. */
export async function removeAll(artifacts: Collection<Artifact>, where: Where<Artifact>): Promise<void> {
  while ((await artifacts.removeMany(where, BATCH_ROWS)) === BATCH_ROWS);
}
