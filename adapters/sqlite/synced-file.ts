import { closeSync, fdatasync } from 'node:fs';

export type SyncedFile = ReturnType<typeof syncedFile>;

/**
 * An open file whose writes can be waited for until they are on disk. One sync runs at a time, and the next is for
 * all that ask meanwhile. After one that failed, none is fulfilled any more: the system tells a fault once and may
 * have dropped what it could not write, so whatever came later to that file is not known to be on disk either.
 */
export function syncedFile(descriptor: number) {
  /** The sync that was asked for last. */
  let last: Promise<void> = Promise.resolve();
  /** The one that has not begun: it is for all that is written until then. */
  let waiting: Promise<void> | undefined;

  function begin(): Promise<void> {
    waiting = undefined;
    return new Promise((resolve, reject) => {
      fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
    });
  }

  return {
    descriptor,

    /** Waits until what was written is on disk. */
    sync(): Promise<void> {
      if (waiting === undefined) {
        waiting = last.then(begin);
        last = waiting;
      }
      return waiting;
    },

    /** Not under a sync: the number might be another file's by then. */
    close(): void {
      const close = () => closeSync(descriptor);
      // What must be on disk was synced, so a fault here concerns nobody.
      last.then(close, close).catch(() => undefined);
    },
  };
}
