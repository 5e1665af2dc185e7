import type { Collection, Condition, Declaration, Store } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import type { Work } from '../ground/jobs.ts';
import type { Carrier } from './effects.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 500;
/** The same of rows that many indexes hold: in a store of millions each is taken out of as many far-away pages. */
const BATCH_ROWS_MUCH_INDEXED = 100;
const MANY_INDEXES = 8;

/**
 * Opens the collections of these declarations, and reads off them what has to be done in the background:
 * `carriers` have rows that may carry effects, which a sweep looks after, and `expiries` remove the rows that are
 * over, a batch at a time.
 */
export async function openCollections<T extends Record<string, { id: string }>>(
  store: Pick<Store, 'collection'>,
  declarations: { [N in keyof T]: Declaration<T[N]> },
  clock: Clock,
) {
  const rows = {} as { [N in keyof T]: Collection<T[N]> };
  const carriers: Collection<Carrier>[] = [];
  const expiries: Work[] = [];
  for (const name in declarations) {
    const declaration = declarations[name];
    const collection = await store.collection(declaration);
    rows[name] = collection;
    if (carriesEffects(declaration)) carriers.push(collection as unknown as Collection<Carrier>);
    expiries.push(...expiriesOf(declaration, collection, clock));
  }
  return { rows, carriers, expiries };
}

function carriesEffects(declaration: { schema: { shape: object } }): boolean {
  return 'pending' in declaration.schema.shape;
}

function expiriesOf<R extends { id: string }>(
  declaration: Declaration<R>,
  collection: Collection<R>,
  clock: Clock,
): Work[] {
  const isMuchIndexed = (declaration.indexes?.length ?? 0) >= MANY_INDEXES;
  const limit = isMuchIndexed ? BATCH_ROWS_MUCH_INDEXED : BATCH_ROWS;
  // Effects that are not delivered yet would go down with their row.
  const delivered = carriesEffects(declaration) ? [['pendingId', 'absent']] : [];
  return Object.entries<number | undefined>(declaration.expires ?? {}).map(
    ([field, seconds = 0]) =>
      async () => {
        const over = [[field, '<=', clock() - seconds], ...delivered] as unknown as Condition<R>[];
        return (await collection.removeMany(over, limit)) === limit;
      },
  );
}
