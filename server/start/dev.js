import './node-version.js';
import { fileURLToPath } from 'node:url';

// Paths in the settings are seen from here, as the server sees them, wherever this was started.
process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
await import('../dev.ts');
