import { fdatasync } from 'node:fs';

/** Waits until what was written to this open file is on disk. */
export function syncFile(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
  });
}
