import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { API_CODES, MANAGEMENT_CODES, PROTOCOL_CODES } from '../../server/ground/errors.ts';

for (const [file, codes] of [
  ['calling-the-api.md', [...API_CODES, ...PROTOCOL_CODES]],
  ['managing.md', MANAGEMENT_CODES],
] as const) {
  test(`the table of codes in docs/${file} has all that is answered there, and nothing else`, () => {
    const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    const [, rows = ''] = /^\| HTTP +\| `status`.*\n\|[ -|]+\n((?:\|.*\n)+)/m.exec(text) ?? [];
    const documented = rows.split('\n').flatMap((row) => {
      const cell = row.split('|')[2] ?? '';
      return [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
    });
    assert.deepEqual([...new Set(documented)].sort(), [...codes].sort());
  });
}
