import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mailboxOf, readEmail, requireEmail } from '../../server/accounts/email.ts';
import { Problem } from '../../server/ground/errors.ts';

/** GHSA-7rqj-j65f-68wh: what is checked must be what is kept. */
describe('e-mail addresses', () => {
  const oneAccount = [
    'ann@example.com',
    'Ann@Example.COM',
    '  ann@example.com\n',
    'ａｎｎ@example.com',
    'ann＠example.com',
    'ann﹫example.com',
    'ann@ｅxample.com',
    'ann@example．com',
    'ann@example。com',
    'ann@exam\u00adple.com',
    'ann@EXAMPLE.com',
  ];
  for (const written of oneAccount) {
    it(`reads ${JSON.stringify(written)} as one and the same`, () => {
      assert.equal(readEmail(written)?.key, 'ann@example.com');
    });
  }

  const refused = [
    '',
    'ann',
    '@example.com',
    'ann@',
    'ann@localhost',
    'ann@example.com.',
    'ann@.example.com',
    'ann@example..com',
    'ann.@example.com',
    '.ann@example.com',
    'an..n@example.com',
    '"ann"@example.com',
    '"a@b"@example.com',
    'ann@evil.example@example.com',
    'ann@evil.example＠example.com',
    'ann@example.com, eve@evil.example',
    'ann@example.com;eve@evil.example',
    'Ann <ann@example.com>',
    'ann(comment)@example.com',
    'ann @example.com',
    'ann@example.com\r\nBcc: eve@evil.example',
    'ann\u0000@example.com',
    'ann@example\u0000.com',
    'ann\u200b@example.com',
    'аnn@example.com',
    'ann@[127.0.0.1]',
    'ann@127.0.0.1',
    'ann@0x7f.1',
    'ann@1.2',
    'ann@example.com/evil',
    'ann@example.com#evil',
    'ann@example.com:25',
    'ann@ex%61mple.com',
    'ann@-example.com',
    'ann@example-.com',
    `${'a'.repeat(65)}@example.com`,
    `ann@${'a'.repeat(64)}.com`,
    `ann@${'a123456789.'.repeat(24)}com`,
    `ann@example.com${' '.repeat(1000)}`,
    `ann${'\u0316\u0301'.repeat(15_000)}@example.com`,
  ];
  for (const written of refused) {
    it(`refuses ${JSON.stringify(written.slice(0, 60))}`, () => {
      assert.equal(readEmail(written), undefined);
      assert.throws(
        () => requireEmail(written),
        (error) => error instanceof Problem && error.status === 400 && error.parameter === 'email',
      );
    });
  }

  it('keeps the local part as it is written and the domain in ASCII, for mail', () => {
    assert.deepEqual(readEmail('Ann.Lee+x@Bücher.example'), {
      address: 'Ann.Lee+x@xn--bcher-kva.example',
      key: 'ann.lee+x@xn--bcher-kva.example',
    });
  });

  it('takes an address with a plus for another address: each is proved by its own mail', () => {
    assert.notEqual(readEmail('ann+a@example.com')?.key, readEmail('ann@example.com')?.key);
  });

  it('with tags are one mailbox where attempts are counted', () => {
    for (const key of ['ann+a@example.com', 'ann+b+c@example.com', 'ann+@example.com']) {
      assert.equal(mailboxOf(key), 'ann@example.com');
    }
    for (const key of ['ann@example.com', '+ann@example.com', 'a.nn@example.com', 'no address']) {
      assert.equal(mailboxOf(key), key);
    }
  });
});
