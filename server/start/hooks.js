import './node-version.js';
import './compile-cache.js';

/** For `node --import`: whatever this process loads, tests of the owner's say, finds 'latchkey' and 'zod'. */
const { provideImports } = await import('../ground/config-folder.ts');
provideImports();
