import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { defineType } from '../../server/data/type.ts';
import { address, record } from '../../server/workflows/parameter-types.ts';
import { readDate } from '../../server/workflows/sent-date.ts';
import { FilePart, readFile } from '../../server/workflows/sent-file.ts';

describe('a date', () => {
  const right: [sent: unknown, iso: string][] = [
    ['2026-11-27', '2026-11-27T00:00:00.000Z'],
    ['2026-11-27T09:30:00Z', '2026-11-27T09:30:00.000Z'],
    ['2026-11-27t09:30z', '2026-11-27T09:30:00.000Z'],
    ['2026-11-27 09:30:00.5Z', '2026-11-27T09:30:00.500Z'],
    ['2026-11-27T09:30:00.123456+00:00', '2026-11-27T09:30:00.123Z'],
    ['2026-11-27T09:30:00+02:00', '2026-11-27T07:30:00.000Z'],
    ['2026-11-27T00:30:00+0530', '2026-11-26T19:00:00.000Z'],
    ['2026-12-31T23:30:00-01:00', '2027-01-01T00:30:00.000Z'],
    ['2026-11-27T00:00:00+23:59', '2026-11-26T00:01:00.000Z'],
    ['2026-11-27T09:30:00.5000009Z', '2026-11-27T09:30:00.500Z'],
    [10_000_000_000, '1970-04-26T17:46:40.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    [1795336731000, '2026-11-22T08:38:51.000Z'],
    ['1795336731000', '2026-11-22T08:38:51.000Z'],
    [-1795336731000, '1913-02-09T15:21:09.000Z'],
    [new Date(5), '1970-01-01T00:00:00.005Z'],
  ];
  for (const [sent, iso] of right) {
    test(`${JSON.stringify(sent)} is ${iso}`, () => {
      const read = readDate(sent);
      assert.ok(read instanceof Date, String(read));
      assert.equal(read.toISOString(), iso);
    });
  }

  const wrong: [sent: unknown, why: RegExp][] = [
    ['2026-02-30', /no such day/],
    ['2023-02-29T10:00:00Z', /no such day/],
    ['2026-13-01', /no such day/],
    ['2026-00-10', /no such day/],
    ['0000-01-01', /no such day/],
    ['2026-11-27T24:00:00Z', /no such time/],
    ['2026-11-27T09:60:00Z', /no such time/],
    ['2026-11-27T09:30:60Z', /no such time/],
    ['2026-11-27T09:30:00', /no time zone.*Z for UTC/],
    ['2026-11-27T09:30:00 02:00', /%2B/],
    ['2026-11-27T09:30:00 0200', /%2B/],
    ['2026-11-27T09:30:00+25:00', /no such time zone/],
    ['2026-11-27T09:30:00+24:00', /no such time zone/],
    ['2026-11-27T09:30:00-01:60', /no such time zone/],
    ['x2026-11-27', /ISO 8601/],
    ['2026-11-27T09:30:00 GMT+02:00', /something else than a time zone/],
    [9_999_999_999, /too small/],
    ['2026-11-27T09:30:00Zulu', /time zone/],
    ['2026-11-27T09:30:00 CET', /time zone/],
    ['26-11-27', /four digits first/],
    ['01/02/2026', /four digits first/],
    ['27.11.26', /four digits first/],
    ['2026/11/27', /four digits first/],
    ['2026-11', /ISO 8601/],
    ['2026-W48-5', /ISO 8601/],
    ['Fri, 27 Nov 2026 09:30:00 GMT', /ISO 8601/],
    ['tomorrow', /ISO 8601/],
    ['', /ISO 8601/],
    ['+012026-01-01T00:00:00Z', /ISO 8601/],
    ['20261127', /too small to tell from seconds/],
    [20261127, /too small/],
    [1795336731, /seconds/],
    [0, /seconds/],
    [1795336731000.5, /whole milliseconds/],
    [Number.NaN, /whole/],
    [Number.POSITIVE_INFINITY, /whole/],
    [8.64e15, /years 1 to 9999/],
    ['99999999999999999999', /ISO 8601/],
    ['0001-01-01T00:30:00+01:00', /years 1 to 9999/],
    [new Date(Number.NaN), /valid/],
    [true, /received boolean/],
    [null, /received null/],
    [[], /received array/],
    [{ $date: 5 }, /received object/],
    [`2026-11-27T09:30:00Z${' '.repeat(100_000)}`, /time zone/],
    ['1'.repeat(100_000), /ISO 8601/],
  ];
  for (const [sent, why] of wrong) {
    test(`${(JSON.stringify(sent) ?? 'undefined').slice(0, 60)} is refused`, () => {
      const read = readDate(sent);
      assert.equal(typeof read, 'string', String(read));
      assert.match(String(read), why);
    });
  }
});

const PNG = Buffer.from('89504e470d0a1a0a00', 'hex');
const HELLO = Buffer.from('hello');
const HELLO_64 = HELLO.toString('base64');
const wanted = { bytesMax: 100, types: undefined };
const images = { bytesMax: 100, types: ['image/png', 'image/jpeg'] };
const part = (filename: string, type = 'text/plain', bytes: Uint8Array = HELLO) =>
  new FilePart(filename, type, bytes);
const sentAs = (changes: object) => ({ filename: 'a.txt', contents: HELLO_64, ...changes });

describe('a file', () => {
  const right: [what: string, sent: unknown, filename: string, type: string, bytes: Uint8Array][] = [
    ['of JSON', sentAs({}), 'a.txt', 'application/octet-stream', HELLO],
    ['of JSON with its type', sentAs({ type: 'Text/Plain; charset=utf-8' }), 'a.txt', 'text/plain', HELLO],
    ['of a form', part('a.txt'), 'a.txt', 'text/plain', HELLO],
    ['without a type', part('a.txt', ''), 'a.txt', 'application/octet-stream', HELLO],
    ['that is empty', sentAs({ contents: '' }), 'a.txt', 'application/octet-stream', Buffer.alloc(0)],
    ['with line ends', sentAs({ contents: 'aGVs\r\nbG8=\n' }), 'a.txt', 'application/octet-stream', HELLO],
    ['without padding', sentAs({ contents: 'aGVsbG8' }), 'a.txt', 'application/octet-stream', HELLO],
    [
      'in the other alphabet',
      sentAs({ contents: '_-8' }),
      'a.txt',
      'application/octet-stream',
      Buffer.from([255, 239]),
    ],
    [
      'of a data: URL',
      sentAs({ contents: `data:text/plain;base64,${HELLO_64}` }),
      'a.txt',
      'text/plain',
      HELLO,
    ],
    [
      'of a data: URL without a type',
      sentAs({ contents: `data:;base64,${HELLO_64}` }),
      'a.txt',
      'application/octet-stream',
      HELLO,
    ],
    ['with a whole path', part('C:\\Users\\me\\a.txt'), 'a.txt', 'text/plain', HELLO],
    ['with a way up', part('../../etc/passwd'), 'passwd', 'text/plain', HELLO],
    ['with a name in any script', part('Überweisung 日本.pdf', 'x/y'), 'Überweisung 日本.pdf', 'x/y', HELLO],
    ['that begins as it says', part('a.png', 'image/png', PNG), 'a.png', 'image/png', PNG],
  ];
  for (const [what, sent, filename, type, bytes] of right) {
    test(`${what} is read`, () => {
      const read = readFile(sent, wanted);
      assert.ok(typeof read === 'object', String(read));
      assert.deepEqual([read.filename, read.type], [filename, type]);
      assert.ok(bytes.length === read.bytes.length && Buffer.from(read.bytes).equals(bytes));
      // Nothing of other people's requests may go along with it.
      assert.equal(read.bytes.buffer.byteLength, bytes.length);
      assert.equal(Object.getPrototypeOf(read.bytes), Uint8Array.prototype);
    });
  }

  const wrong: [what: string, sent: unknown, why: RegExp, of?: typeof images][] = [
    ['an address', 'https://example.com/a.png', /fetches nothing/],
    [
      'an address in the place of its contents',
      sentAs({ contents: 'http://169.254.169.254/' }),
      /fetches nothing/,
    ],
    ['a text', 'hello', /received a text/],
    ['a data: URL without a name', `data:;base64,${HELLO_64}`, /goes into contents/],
    ['a data: URL that is not in base64', sentAs({ contents: 'data:text/plain,hello' }), /not in base64/],
    ['two types', sentAs({ type: 'image/png', contents: 'data:image/gif;base64,aGVsbG8=' }), /differ/],
    ['a number', 5, /received number/],
    ['a list', [HELLO_64], /received array/],
    ['nothing', null, /received null/],
    ['a missing name', { contents: HELLO_64 }, /no filename/],
    ['nearly the name', { fileName: 'a', contents: HELLO_64 }, /no filename, but something of nearly/],
    [
      'a name that is a list',
      { filename: ['a'], contents: HELLO_64 },
      /filename: expected a text, received array/,
    ],
    ['missing contents', { filename: 'a.txt' }, /no contents/],
    [
      'contents that are bytes',
      { filename: 'a.txt', contents: [104] },
      /contents: expected a text, received array/,
    ],
    ['base64 that is cut off', sentAs({ contents: 'aGVsb' }), /cut off/],
    ['base64 with too much padding', sentAs({ contents: 'aGVsbG8==' }), /cut off/],
    ['base64 with padding in it', sentAs({ contents: 'aGVs=bG8=' }), /other characters|cut off/],
    ['base64 with other characters', sentAs({ contents: 'aGVs!G8=' }), /other characters/],
    ['base64 with characters that look like it', sentAs({ contents: 'аGVsbG8=' }), /other characters/],
    ['a name that is a way up', part('..'), /its filename/],
    ['a name of a folder', part('a/'), /its filename/],
    ['an empty name', part(''), /its filename/],
    ['a name with NUL', part('a.png\0.exe'), /its filename/],
    ['a name with a line end', part('a\r\nSet-Cookie: x'), /its filename/],
    ['a name that reads the other way', part('a\u202egnp.exe'), /its filename/],
    ['a name of 256 characters', part('a'.repeat(256)), /its filename/],
    ['a name with a blank at its end', part('a.png '), /its filename/],
    ['a name of 10 kB', part('a'.repeat(10_000)), /its filename/],
    ['a type that is none', part('a', 'text'), /media type/],
    ['words before its type', part('a', 'of text/plain'), /media type/],
    ['words behind its type', part('a', 'text/plain it is'), /media type/],
    [
      'a type of another kind',
      part('a.svg', 'image/svg+xml'),
      /png or image\/jpeg, .* sent as image\/svg/,
      images,
    ],
    ['no type where one is wanted', sentAs({}), /png or image\/jpeg; .*say "type"/, images],
    ['a type that is a lie', part('a.png', 'image/png', Buffer.from('<script>')), /does not begin/, images],
    ['too many bytes', part('a', 'text/plain', Buffer.alloc(101)), /101 bytes, and at most 100/],
    ['__proto__', JSON.parse('{"__proto__":{"filename":"a","contents":""}}'), /no filename/],
  ];
  for (const [what, sent, why, of = wanted] of wrong) {
    test(`with ${what} is refused`, () => assert.match(String(readFile(sent, of)), why));
  }

  test('with a name of 255 characters is taken', () => {
    assert.equal(typeof readFile(part('a'.repeat(255)), wanted), 'object');
  });

  test('of any bytes is what it was', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 37 + length) % 256));
      for (const contents of [bytes.toString('base64'), bytes.toString('base64url')]) {
        const read = readFile(sentAs({ contents }), wanted);
        assert.ok(typeof read === 'object' && Buffer.from(read.bytes).equals(bytes), contents);
        // One character less never passes for whole, where it can be told.
        if (contents.length % 4 === 1) assert.fail('base64 has no such length');
      }
    }
  });
});

test('an address is on this earth, and an id no longer than any of ours', () => {
  const at = (lat: unknown, lng: unknown) => address().safeParse({ address: 'A street', lat, lng }).success;
  assert.deepEqual(
    [at(90, 180), at(-90, -180), at(90.1, 0), at(0, 180.1), at('1', 0)],
    [true, true, false, false, false],
  );
  const note = defineType({ name: 'note', description: 'A note', fields: { text: z.string() } });
  const takes = (id: unknown) => record(note).safeParse(id).success;
  assert.deepEqual(
    [100, 101].map((length) => takes('x'.repeat(length))),
    [true, false],
  );
  assert.deepEqual(['', 5, null, { $ne: '' }, ['x']].map(takes), [false, false, false, false, false]);
});
