import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { render } from '../../views/html.ts';
import { barChart, scaleFor } from '../../views/kit/chart.ts';
import { checkboxGroup, select } from '../../views/kit/choices.ts';
import { field } from '../../views/kit/fields.ts';
import { confirmPage } from '../../views/kit/form-pages.ts';
import { exactTime, relativeTime } from '../../views/kit/times.ts';
import { layout, type Site } from '../../views/layout.ts';

const NOW = 1_780_000_000;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const site: Site = { appName: 'Tom & Co', accentColour: '#0b57d0' };

describe('the logo', () => {
  it('is shown by its height alone, so that a wordmark keeps its shape', () => {
    const page = render(layout({ ...site, logoUrl: '/assets/logo.svg' }, { title: 'T', body: 'B' }));
    assert.match(page, /<img src="\/assets\/logo\.svg" alt="" height="28">/);
  });
});

describe('relativeTime', () => {
  const CASES: [number, string][] = [
    [0, 'just now'],
    [-59, 'just now'],
    [30, 'in less than a minute'],
    [-MINUTE, '1 minute ago'],
    [-3 * MINUTE, '3 minutes ago'],
    [-59.6 * MINUTE, '1 hour ago'],
    [-23 * HOUR, '23 hours ago'],
    [-23.8 * HOUR, '1 day ago'],
    [89 * DAY, 'in 89 days'],
    [90 * DAY - 5, 'in 90 days'],
    [365 * DAY, 'in 365 days'],
    [-730 * DAY, '2 years ago'],
  ];
  for (const [seconds, words] of CASES) {
    it(`says “${words}” at ${seconds} s`, () => {
      assert.match(render(relativeTime(NOW + seconds, NOW)), new RegExp(`>${words}</time>`));
    });
  }

  it('has the exact time beside it, for all to read', () => {
    const expected =
      '<time datetime="2026-05-28T20:26:40.000Z" title="2026-05-28 20:26:40 UTC">just now</time>\n<span class="exact">(2026-05-28 20:26 UTC)</span>';
    assert.equal(render(relativeTime(NOW, NOW)), expected);
    assert.match(render(exactTime(NOW)), />2026-05-28 20:26:40 UTC</);
  });
});

describe('field', () => {
  it('ties label, hint and problem to the input', () => {
    const made = render(
      field({ label: 'Name', name: 'name', hint: 'Short.', problem: 'Too long.', required: true }),
    );
    assert.match(made, /<label for="name">Name<\/label>/);
    assert.match(
      made,
      /<input id="name" name="name"[^>]* aria-describedby="name-problem name-hint" aria-invalid="true">/,
    );
    assert.match(made, /<p class="hint" id="name-hint">Short\.<\/p>/);
    assert.match(made, /<p class="wrong" id="name-problem">Too long\.<\/p>/);
    assert.match(made, / required/);
  });

  it('never sends a password back', () => {
    const made = render(
      field({ label: 'Password', name: 'password', type: 'password', value: 'correct horse' }),
    );
    assert.doesNotMatch(made, /correct horse/);
  });

  it('keeps what was typed, escaped', () => {
    assert.match(
      render(field({ label: 'Name', name: 'name', value: '"><b>' })),
      / value="&quot;&gt;&lt;b&gt;"/,
    );
  });
});

describe('choices', () => {
  const options = [
    { value: 'wf:a', label: 'A' },
    { value: 'wf:b', label: 'B' },
  ];

  it('gives every box its own id and checks the chosen ones', () => {
    const made = render(
      checkboxGroup({ label: 'May', name: 'scopes', options, values: ['wf:b'], problem: 'Choose.' }),
    );
    assert.match(made, /<fieldset class="field has-problem" aria-describedby="scopes-problem">/);
    assert.match(made, /id="scopes-wf-a" name="scopes" value="wf:a">/);
    assert.match(made, /id="scopes-wf-b" name="scopes" value="wf:b" checked>/);
  });

  it('selects the value', () => {
    assert.match(
      render(select({ label: 'Life', name: 'life', options, value: 'wf:b' })),
      /value="wf:b" selected>/,
    );
  });
});

describe('a bar chart', () => {
  it('stacks the parts of a bar, draws what is small, and nothing of what is not there', () => {
    const made = render(
      barChart({
        ...{ title: 'Calls', summary: 'Few.', ends: [], scale: scaleFor(700) },
        parts: [
          { look: 'whole', label: 'Success' },
          { look: 'problems', label: 'Failed' },
        ],
        bars: [
          { label: 'Monday', heights: [400, 1] },
          { label: 'Tuesday', heights: [0, 0] },
        ],
      }),
    );
    const drawn = [
      ...made.matchAll(/class="(whole|problems)" x="(\d+)" y="(\d+)" width="8" height="(\d+)"/g),
    ];
    assert.deepEqual(
      drawn.map(([, ...rect]) => rect.join(' ')),
      ['whole 0 50 50', 'problems 0 49 1', 'whole 10 100 0', 'problems 10 100 0'],
    );
    assert.deepEqual(scaleFor(700), { top: 800, marks: ['0', '400', '800'] });
    assert.deepEqual(scaleFor(0), { top: 1, marks: ['0', '1'] });
  });
});

describe('layout', () => {
  const viewer = { email: 'a@example.com', admin: false };

  it('names page and app in the title, and marks the current page once', () => {
    const made = render(layout(site, { title: 'Tokens', viewer, current: '/tokens', body: 'x' }));
    assert.match(made, /<title>Tokens · Tom &amp; Co<\/title>/);
    assert.equal(made.match(/aria-current="page"/g)?.length, 1);
    assert.match(made, /<a href="\/tokens" aria-current="page">/);
    assert.equal(made.match(/<h1>/g)?.length, 1);
    assert.match(made, /<form method="post" action="\/sign-out">/);
  });

  it('has neither navigation nor sign-out for a stranger or on a narrow page', () => {
    for (const page of [
      { title: 'A', body: 'x' },
      { title: 'A', body: 'x', viewer, narrow: true },
    ]) {
      assert.doesNotMatch(render(layout(site, page)), /<nav|sign-out/);
    }
  });

  it('has nothing inline that the policy would stop', () => {
    const made = render(layout(site, { title: 'A', viewer, body: 'x' }));
    assert.doesNotMatch(made, /<style|style="|<script>| on\w+="/);
  });
});

describe('confirmPage', () => {
  it('posts the hidden fields to the action and links back', () => {
    const made = render(
      confirmPage(
        site,
        { email: 'a@example.com', admin: false },
        {
          title: 'Revoke “CI”?',
          consequences: ['It stops at once.'],
          action: '/tokens/tok_1/revoke',
          confirmLabel: 'Revoke token',
          cancelUrl: '/tokens',
          current: '/tokens',
          fields: { id: 'tok_"1' },
        },
      ),
    );
    assert.match(
      made,
      / action="\/tokens\/tok_1\/revoke"><input type="hidden" name="id" value="tok_&quot;1">/,
    );
    assert.match(made, /<button class="danger" type="submit">Revoke token<\/button>/);
    assert.match(made, /<a class="button quiet" href="\/tokens">Cancel<\/a>/);
  });
});
