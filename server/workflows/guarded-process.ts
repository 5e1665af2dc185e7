import { syncBuiltinESMExports } from 'node:module';
import { workNow } from './late-failures.ts';

/** What of the process reaches the work of others: they would find another folder, or nothing would tell of their failures. */
const GUARDED = ['exit', 'chdir', 'umask', 'setUncaughtExceptionCaptureCallback'] as const;

let isGuarded = false;

/** From now on that throws where code of the owner's calls it, in each process that loads their files. */
export function guardProcess(): void {
  if (isGuarded) return;
  isGuarded = true;
  const guarded = process as unknown as Record<string, (...values: never[]) => unknown>;
  for (const name of GUARDED) {
    const own = process[name] as (...values: never[]) => unknown;
    guarded[name] = (...values) => {
      const work = workNow();
      if (work === undefined) return own(...values);
      const isExit = name === 'exit';
      const why = isExit ? 'end the work of others; throw an error' : 'reach the work of others';
      const error = new Error(`process.${name} would ${why}`);
      // As if it were thrown where it is called.
      Error.captureStackTrace(error, guarded[name]);
      // Also where somebody catches it.
      if (isExit) work.end?.(error);
      throw error;
    };
  }
  syncBuiltinESMExports();
}
