import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { html } from '../../views/html.ts';
import { mailLayout } from '../../views/mail/layout.ts';

const site = { appName: 'Tom & Co', url: 'https://id.example.com' };

describe('mailLayout', () => {
  it('says the same in both parts', () => {
    const made = mailLayout(site, {
      subject: 'New token',
      heading: 'A new token was made',
      paragraphs: [
        'If this was you, all is well.',
        html`See <a href="https://id.example.com/tokens">your tokens</a> & more.`,
      ],
      facts: [{ label: 'Name', value: 'Nightly <export>' }],
      action: { label: 'Look at it', url: 'https://id.example.com/tokens?a=1&b=2' },
      footer: 'You get this because it is your account.',
    });
    assert.equal(
      made.text,
      `A new token was made

If this was you, all is well.

See your tokens (https://id.example.com/tokens) & more.

Name: Nightly <export>

Look at it:
https://id.example.com/tokens?a=1&b=2

-- 
You get this because it is your account.
Tom & Co · https://id.example.com
`,
    );
    assert.match(made.html, /Nightly &lt;export&gt;/);
    assert.match(made.html, /<a href="https:\/\/id\.example\.com\/tokens\?a=1&amp;b=2" style="/);
    assert.match(
      made.html,
      /open this address: <br><a href="[^"]+">https:\/\/id\.example\.com\/tokens\?a=1&amp;b=2</,
    );
    assert.match(made.html, /Tom &amp; Co/);
  });

  it('has the colour and the logo of the app, by its address here', () => {
    const content = {
      subject: 'S',
      heading: 'H',
      paragraphs: [],
      action: { label: 'Go', url: 'https://id.example.com/' },
      footer: 'F',
    };
    const made = mailLayout({ ...site, accentColour: '#7a0040', logo: '/srv/brand/Word Mark.PNG' }, content);
    assert.match(made.html, /<img src="https:\/\/id\.example\.com\/assets\/logo\.png" alt="" height="28"/);
    assert.doesNotMatch(made.html, /<img[^>]* width="|srv/);
    assert.match(made.html, /style="[^"]*background:#7a0040;"/);
    assert.match(made.html, /Tom &amp; Co/);
    const plain = mailLayout({ ...site, accentColour: 'red;"><b>', logo: undefined }, content);
    assert.doesNotMatch(plain.html, /<img|<b>/);
  });

  it('keeps the chosen name of a thing on its own line', () => {
    const value = 'CI\n\nYour account is closed. Call +44 …';
    const { text } = mailLayout(site, {
      subject: 'S',
      heading: 'H',
      paragraphs: [],
      facts: [{ label: 'Name', value }],
      footer: 'F',
    });
    assert.match(text, /^Name: CI Your account is closed\. Call \+44 …$/m);
  });

  it('mails no link that is not http(s)', () => {
    for (const url of ['javascript:alert(1)', '/tokens', 'mailto:a@example.com']) {
      const action = { label: 'Go', url };
      const content = { subject: 'S', heading: 'H', paragraphs: [], action, footer: 'F' };
      assert.throws(() => mailLayout(site, content), TypeError);
    }
  });
});
