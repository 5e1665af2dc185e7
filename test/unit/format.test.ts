import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkFormat, checksumOf, endsOf, newSecret } from '../../server/credentials/secret-format.ts';
import { hashOf, newId } from '../../server/ground/opaque.ts';

describe('format of secrets', () => {
  it('computes the checksums that GitHub and npm print in their own tokens', () => {
    assert.equal(checksumOf('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ'), '0mLq17');
    assert.equal(checksumOf('qkJaB6MffYVzZXWqmcoF49yrUxP3wf'), '0LsakP');
  });

  it('makes values that it recognises', () => {
    for (const prefix of ['lk_pat_', 'lk_cs_'] as const) {
      const value = newSecret(prefix);
      assert.match(value, new RegExp(`^${prefix}[0-9A-Za-z]{36}$`));
      assert.equal(checkFormat(value), 'ours');
    }
  });

  it('tells each damage of a value without a read', () => {
    const value = newSecret('lk_pat_');
    const body = value.slice('lk_pat_'.length);
    const damaged = [
      value.slice(0, -1),
      value.slice(0, 20),
      'lk_pat_',
      `${value}x`,
      `${value} `,
      `${value}\n`,
      `${value}\0`,
      `lk_pat_ ${body}`,
      `lk_pat_${body.slice(1)}${body[0] === body[1] ? '' : body[0]}`,
      value.replace(body, swapCase(body)),
    ];
    for (const one of damaged) assert.equal(checkFormat(one), 'damaged', JSON.stringify(one));
  });

  it('calls everything without our prefix foreign', () => {
    const value = newSecret('lk_cs_');
    const body = value.slice('lk_cs_'.length);
    for (const one of [
      '',
      ' ',
      body,
      ` ${value}`,
      value.toUpperCase(),
      `ghp_${body}`,
      'lk_',
      'lk_adm_x',
      '\0',
    ]) {
      assert.equal(checkFormat(one), 'foreign', JSON.stringify(one));
    }
  });

  it('notices any one changed character', () => {
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    const change = fc.tuple(fc.integer({ min: 0, max: 35 }), fc.constantFrom(...alphabet));
    fc.assert(
      fc.property(change, ([place, letter]) => {
        const value = newSecret('lk_pat_');
        const at = 'lk_pat_'.length + place;
        fc.pre(value[at] !== letter);
        return checkFormat(`${value.slice(0, at)}${letter}${value.slice(at + 1)}`) === 'damaged';
      }),
    );
  });

  it('draws every character about equally often', () => {
    const seen = new Map<string, number>();
    const draws = 2000;
    for (let turn = 0; turn < draws; turn += 1) {
      for (const letter of newId('').slice(0, 20)) seen.set(letter, (seen.get(letter) ?? 0) + 1);
    }
    const expected = (draws * 20) / 62;
    assert.equal(seen.size, 62);
    // Eight standard deviations: a fair draw never fails here, a `byte % 62` (25 % off for eight letters)
    // does.
    for (const [letter, count] of seen) {
      assert.ok(Math.abs(count - expected) < 8 * Math.sqrt(expected), `${letter}: ${count} of ${expected}`);
    }
  });

  it('shows the ends of a secret and hashes the whole', () => {
    const { firstFour, lastFour } = endsOf('lk_pat_Ab3xzzzzzzzzzzzzzzzzzzzzzzzzzzzz9XyZ');
    assert.deepEqual([firstFour, lastFour], ['Ab3x', '9XyZ']);
    assert.equal(hashOf('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
    assert.match(newId('tok_'), /^tok_[0-9A-Za-z]{20}$/);
  });
});

function swapCase(text: string): string {
  return text.replace(/[a-zA-Z]/g, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
