import './compile-cache.js';
import { flushCompileCache } from 'node:module';

// A process in which workflows run (server/workflows/process). What it compiled is written now: who is killed writes nothing.
const { loaded } = await import('../workflows/process/entry.ts');
await loaded.finally(flushCompileCache);
