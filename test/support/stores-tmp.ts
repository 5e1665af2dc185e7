import { mkdtemp } from 'node:fs/promises';
import { describe } from 'node:test';
export function eachStore(f: (s: { engine: string; url(): Promise<string> }) => void) {
  describe('sqlite', () => f({ engine: 'sqlite', url: async () => `sqlite:${await mkdtemp('/tmp/lkt-')}/l.db` }));
}
