import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { API_CODES, PROTOCOL_CODES } from '../../server/ground/errors.ts';

test('the table of codes in docs/calling-the-api.md has all that the API answers, and nothing else', () => {
  const text = readFileSync(new URL('../../docs/calling-the-api.md', import.meta.url), 'utf8');
  const [, rows = ''] = /^\| HTTP +\| `status`.*\n\|[ -|]+\n((?:\|.*\n)+)/m.exec(text) ?? [];
  const documented = rows.split('\n').flatMap((row) => {
    const cell = row.split('|')[2] ?? '';
    return [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code ?? '');
  });
  assert.deepEqual([...new Set(documented)].sort(), [...API_CODES, ...PROTOCOL_CODES].sort());
});
