import { type Stats, statSync } from 'node:fs';
import { Unavailable } from '../port.ts';

/**
 * Where an open database is in the file system. A file that was removed or replaced stays open, and what is written to
 * it is gone with this process, so its name is looked up again and again: whether it is still that of the same file.
 */
export type Place = ReturnType<typeof createPlace>;

/** `path` is the one that was given, perhaps through links; `file` is where it leads. */
export function createPlace(path: string, file: string) {
  /** SQLite keeps all three for as long as it has them open. */
  const names = [path, `${file}-wal`, `${file}-shm`];
  let noted: (Stats | undefined)[] = [];

  return {
    /** Throws `Unavailable` where there is no file to open or, `again`, an empty one that is none of ours. */
    requireThere(again: boolean): void {
      const there = statOf(file);
      if (there === undefined) throw new Unavailable(`${file} is not there`);
      if (!isSameFile(there, statOf(path))) throw new Unavailable(`${path} leads elsewhere now`);
      if (again && there.size === 0) throw new Unavailable(`${file} was replaced by an empty file`);
    },

    /** Takes down which files were just opened. */
    note(): void {
      noted = names.map(statOf);
    },

    /** Whether they are still there under their names. */
    isSame(): boolean {
      return names.every((name, index) => {
        const now = statOf(name);
        // SQLite may make those beside the database a moment later.
        noted[index] ??= now;
        return noted[index] === undefined || isSameFile(noted[index], now);
      });
    },
  };
}

/** Undefined for what cannot be looked at either: in a folder that is another user's by now, behind a link in a circle. */
function statOf(name: string): Stats | undefined {
  try {
    return statSync(name);
  } catch {
    return undefined;
  }
}

function isSameFile(one: Stats, other: Stats | undefined): boolean {
  return one.ino === other?.ino && one.dev === other.dev;
}
