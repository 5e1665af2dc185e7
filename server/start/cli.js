#!/usr/bin/env node
import './node-version.js';
import './compile-cache.js';
import { fileURLToPath } from 'node:url';

// Paths in the settings are seen from here, as the server sees them, wherever the command was typed.
process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
// Loaded only now: with a static import it would be read before the compile cache is on.
const [{ runCommand }, { tellLateFailures }] = await Promise.all([
  import('../cli/program.ts'),
  import('../cli/late-failures.ts'),
]);
// Who reads on with head has closed the pipe and wants no more; a full disk is worth a line.
process.stdout.on('error', (error) => {
  const line = `Standard output cannot be written: ${error.message}\n`;
  if (!('code' in error && error.code === 'EPIPE')) process.stderr.write(line);
  process.exit(1);
});
const terminal = {
  env: process.env,
  stdin: process.stdin,
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};
tellLateFailures(terminal);
const code = await runCommand(process.argv.slice(2), terminal);
process.exitCode = code;
// A file of the owner's may have begun what does not end, such as a timer. What was written goes out first, and what has
// failed by now is told: Node raises rejections that nobody handles when all else of this turn is done.
process.stdout.write('', (error) => {
  if (!error) setImmediate(() => process.stderr.write('', () => process.exit()));
});
