import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findLeaks } from '../../server/credentials/leak-scan.ts';
import { newSecret } from '../../server/credentials/secret-format.ts';

const token = newSecret('lk_pat_');
const secret = newSecret('lk_cs_');

async function* inChunks(text: string | Buffer, size: number) {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function scan(text: string | Buffer, size = 65_536) {
  const found = [];
  for await (const sighting of findLeaks(inChunks(text, size))) found.push(sighting);
  return found;
}

const valuesIn = async (text: string | Buffer) => (await scan(text)).map(({ value }) => value);

describe('leaks in a text', () => {
  const half = token.slice(0, 20);
  const rest = token.slice(20);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const FOUND: Record<string, string | Buffer> = {
    'as it stands': token,
    'in a line': `TOKEN="${token}"; x`,
    'with more letters behind it': `${token}abc`,
    'in a URL': `https://x.example/?t=${token.replaceAll('_', '%5F')}&b=1`,
    'encoded twice': token.replaceAll('_', '%255f'),
    'between quotes': `"${half}" + "${rest}"`,
    'between quotes over lines': `'${half}'\n   . '${rest}'`,
    'right behind its prefix': `"lk_pat_" + "${token.slice(7)}"`,
    'in an array': `["${half}", "${rest}"].join("")`,
    'over a line of a shell': `${half}\\\n${rest}`,
    'quoted-printable': `${half}=\r\n${rest}`,
    highlighted: `<em>${half}</em><b>${rest}</b>`,
    'in UTF-16': Buffer.from(`"${token}"`, 'utf16le'),
    'between bytes that are no text': Buffer.concat([
      Buffer.from([0xff, 0xfe, 0]),
      Buffer.from(token),
      Buffer.from([0x80]),
    ]),
    base64: base64(token),
    'base64 behind one': base64(`x${token}`),
    'base64 behind two': base64(`xy${token}`),
    'base64url behind many': Buffer.from(`{"t":"${token}"}`).toString('base64url'),
    'base64 in lines': base64(`${'x'.repeat(20)}${token} and more of it`).replace(/.{60}/g, '$&\n'),
  };
  for (const [what, text] of Object.entries(FOUND)) {
    it(`are found ${what}`, async () => assert.deepEqual(await valuesIn(text), [token]));
  }

  it('are found in Basic authentication', async () => {
    const header = `Authorization: Basic ${base64(`svc_01234567890123456789:${secret}`)}`;
    assert.deepEqual(await scan(header), [{ value: secret, kind: 'client_secret', line: 1 }]);
  });

  it('are none where the checksum does not fit, or a part is missing', async () => {
    const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`;
    for (const text of [
      '',
      'lk_pat_',
      wrong,
      half,
      `${half} ${rest}`,
      `${half}-${rest}`,
      base64(wrong),
      'lk_pat_"+"'.repeat(500),
    ]) {
      assert.deepEqual(await valuesIn(text), [], text.slice(0, 60));
    }
  });

  it('have their line, wherever the chunks end', async () => {
    const filler = 'some words\n'.repeat(700);
    const text = `${filler}${token}\n${filler}"${half}" +\n"${rest}" ${secret}\n${filler}${base64(`a ${token}`)}`;
    for (const size of [7, 1000, 4096, 8191, 100_000]) {
      const found = await scan(text, size);
      assert.deepEqual(
        found.map(({ kind, line }) => [kind, line]),
        [
          ['personal_access_token', 701],
          ['personal_access_token', 1402],
          ['client_secret', 1403],
          ['personal_access_token', 2104],
        ],
        String(size),
      );
    }
  });

  it('take no longer for text that was made to be slow', async () => {
    const started = performance.now();
    for (const text of [
      'lk_pat_',
      'bGtfcGF0Xw',
      'lk_pat_"',
      `lk_pat_${'a'.repeat(35)}"  `,
      `lk_pat_"${' '.repeat(50_000)}`,
      '%',
      '" + ',
      'lk%25',
    ]) {
      await scan(text.repeat(Math.ceil(1_000_000 / text.length)));
    }
    assert.ok(performance.now() - started < 5000, `${performance.now() - started} ms`);
  });
});
