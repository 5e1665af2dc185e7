import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { displayNameFrom, displayNameOf } from '../../server/accounts/display-name.ts';
import { nameFrom, textFrom } from '../../server/credentials/names.ts';
import { Problem } from '../../server/ground/errors.ts';

const refused = (parameter: string) => (error: unknown) =>
  error instanceof Problem && error.status === 400 && error.parameter === parameter;

/** From RLO to the Hangul filler: each turns, ends or hides a part of what people read. */
const UNFIT = [
  ...'\0\x07\t\n\r\x1b\x7f\x85',
  ...'\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069',
  ...'\u2028\u2029\u200b\u2060\ufeff\u00ad\u180e\u3164\uffa0\u115f\u2800\u{e0041}',
  '\ud800',
  // What belongs to a flag or an ideograph, behind something else.
  '\u{e0100}',
  '\u{e0067}\u{e007f}',
];

describe('a name that people choose', () => {
  it('has no character that turns, ends or hides a part of it', () => {
    for (const character of UNFIT) {
      const code = character.codePointAt(0)?.toString(16);
      assert.throws(() => nameFrom(`Ledger${character}gpj.exe`), refused('name'), code);
    }
  });

  it('has something to see', () => {
    for (const name of ['', '   ', '\u200d', '\ufe0f \u200c', '\u0301']) {
      assert.throws(() => nameFrom(name), refused('name'), JSON.stringify(name));
    }
  });

  it('may be in any script, with emoji', () => {
    for (const name of [
      'Zoë’s build',
      '帳簿',
      'حساب‌ها',
      'דוח',
      'नमस्ते',
      '👩‍💻 laptop ✔️',
      '🏴󠁧󠁢󠁳󠁣󠁴󠁿 office',
      '葛\u{e0100}城',
      '“x” & <b>',
    ]) {
      assert.equal(nameFrom(` ${name} `), name.normalize('NFC'));
    }
  });
});

const SECRETS = [`lk_pat_${'a1'.repeat(18)}`, `x LK_CS_${'a1'.repeat(18)}`, 'lk%5Fpat%5Fabc'];

describe('what is shown and mailed', () => {
  it('holds no token and no client secret', () => {
    for (const secret of SECRETS) {
      assert.throws(() => nameFrom(secret), refused('name'));
      assert.throws(() => textFrom(`of ${secret}`, 'note'), refused('note'));
      assert.throws(() => textFrom(secret, 'reason'), refused('reason'));
      assert.throws(() => displayNameFrom(secret), refused('name'));
      assert.equal(displayNameOf(secret), undefined);
    }
  });
});

/** Marks of two classes in turn are the worst case: 30,000 of them took seconds to put in order. */
const MARKS = `e${'\u0316\u0301'.repeat(15_000)}`;

describe('a text of many combining marks', () => {
  it('is refused for its length before it is normalised', () => {
    const startedAt = performance.now();
    assert.throws(() => nameFrom(MARKS), refused('name'));
    assert.throws(() => textFrom(MARKS, 'note'), refused('note'));
    assert.throws(() => textFrom(`${MARKS}\r\n`, 'reason'), refused('reason'));
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 100, `${tookMs} ms`);
  });

  it('may stand in a name as often as words need them, however they are composed', () => {
    const name = 'Tiếng Việt'.normalize('NFD');
    assert.equal(nameFrom(name), 'Tiếng Việt');
    assert.equal(nameFrom('é'.repeat(80).normalize('NFD')).length, 80);
    assert.throws(() => nameFrom('é'.repeat(81).normalize('NFD')), refused('name'));
  });
});

describe('a note', () => {
  it('may have lines, and nothing that turns or hides them', () => {
    assert.equal(textFrom('one\r\ntwo', 'note'), 'one\ntwo');
    for (const character of UNFIT.filter((one) => one !== '\n')) {
      assert.throws(() => textFrom(`a${character}b`, 'note'), refused('note'));
    }
  });
});
