#!/usr/bin/env node
import './node-version.js';
import { fileURLToPath } from 'node:url';
import { runCommand } from './cli/program.ts';

// Paths in the settings are seen from here, as the server sees them, wherever the command was typed.
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
process.exitCode = await runCommand(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
