import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { NotThere, type Store } from './port.ts';
import { openSqlite } from './sqlite/store.ts';

/**
 * A URL becomes a store: `sqlite:PATH` or `mongodb://…`. The only place that knows both engines; MongoDB's
 * driver is loaded only when it is wanted, because that takes longer than the whole start with SQLite. `onFault`
 * hears what goes wrong in the background, where no caller can be told, `onLost` that a database file was removed or
 * replaced while it was open, `onTooSlow` of each list and count that was ended. With `mustExist` nothing is made: where
 * there is no database, or nothing in it, this throws `NotThere`.
 */
export async function openStore(
  url: string,
  {
    mustExist = false,
    ...options
  }: {
    onFault?: (error: unknown) => void;
    onLost?: (error: unknown) => void;
    onTooSlow?: (error: unknown) => void;
    mustExist?: boolean;
  } = {},
): Promise<Store> {
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
  if (mustExist && path !== undefined && !existsSync(resolve(path))) throw new NotThere();
  const store = await (path === undefined ? openMongodbStore(url) : openSqlite(path, options));
  if (!mustExist || !store.isNew) return store;
  await store.close();
  throw new NotThere();
}

async function openMongodbStore(url: string): Promise<Store> {
  const { openMongodb } = await import('./mongodb/store.ts');
  return openMongodb(url);
}
