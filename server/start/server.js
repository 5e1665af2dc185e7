import './node-version.js';
import './compile-cache.js';

// Loaded only now: with a static import it would be read before the compile cache is on.
await import('../main.ts');
