import { closeSync, fdatasync } from 'node:fs';

export type SyncedFile = ReturnType<typeof syncedFile>;

/** An open file whose writes can be waited for until they are on disk. */
export function syncedFile(descriptor: number) {
  /** Fulfilled when no sync that was asked for runs any more. */
  let running: Promise<unknown> = Promise.resolve();

  return {
    descriptor,

    /** Waits until what was written is on disk. */
    sync(): Promise<void> {
      const syncing = new Promise<void>((resolve, reject) => {
        fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
      });
      running = Promise.allSettled([running, syncing]);
      return syncing;
    },

    /** Not under a sync: the number might be another file's by then. */
    close(): void {
      running.then(() => closeSync(descriptor));
    },
  };
}
