import { loadFaultOf } from '../ground/load-fault.ts';
import { catchLateFailures } from '../workflows/late-failures.ts';
import type { Terminal } from './terminal.ts';

/**
 * What a file of the owner's starts when it is loaded, and does not await, may fail: it is told with its place, and the
 * command goes on, as the start does. Once in a process.
 */
export function tellLateFailures({ err: say }: Pick<Terminal, 'err'>): void {
  catchLateFailures(
    ({ workflow: file, err }) => {
      const what = 'something that it starts, and does not await, fails';
      say(`Warning: ${file}: ${what}: ${loadFaultOf(err, file).replace(` of ${file})`, ')')}\n`);
    },
    (error) => {
      say(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
}
