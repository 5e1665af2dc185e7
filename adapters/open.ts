import type { Store } from './port.ts';
import { openSqlite } from './sqlite/store.ts';

/**
 * A URL becomes a store: `sqlite:PATH` or `mongodb://…`. The only place that knows both engines; MongoDB's
 * driver is loaded only when it is wanted, because that takes longer than the whole start with SQLite. `onFault`
 * hears what goes wrong in the background, where no caller can be told.
 */
export async function openStore(
  url: string,
  options: { onFault?: (error: unknown) => void } = {},
): Promise<Store> {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length), options);
  const { openMongodb } = await import('./mongodb/store.ts');
  return openMongodb(url);
}
