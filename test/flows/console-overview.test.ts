import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Total } from '../../server/activity/totals.ts';
import { textOf } from '../support/page-text.ts';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
/** 14:30 (UTC). */
const NOW = 1_900_000_000 - (1_900_000_000 % DAY) + 14.5 * HOUR;

describe('the overview of the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  before(async () => {
    server = await startTestServer({ clock: () => NOW });
    people = await openPeople(server, {}, () => NOW);
    admin = await people.person({ admin: true });
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const show = async (query = '') => {
    const { status, text } = await admin.agent.get(`/admin${query}`);
    assert.equal(status, 200);
    return text;
  };
  const linesOf = (text: string, chart: string) => {
    const drawn = text.split('<figure').find((figure) => figure.includes(`aria-label="${chart}:`)) ?? '';
    return [...drawn.matchAll(/<title>([^<]*)/g)].map(([, line]) => line ?? '');
  };
  const add = (
    series: Total['series'],
    startsAt: number,
    what: Total['what'],
    count: number,
    overMs?: number,
  ) =>
    people.domain.rows.totals.insert({
      ...{ id: `${series} ${startsAt} ${what} ${overMs}`, series, startsAt, what, count },
      ...(overMs === undefined ? {} : { overMs }),
    });

  test('says at once what a new installation has, and that nothing was called', async () => {
    let text = textOf(await show());
    // On a busy machine it is counted a moment later.
    while (/are being counted/.test(text)) text = textOf(await show());
    assert.match(text, /Accounts 1 .*Admins 1 .*Live credentials 0/);
    assert.match(text, /were counted just now/);
    assert.match(
      text,
      /No calls in the last 24 hours\. .*No calls that were answered in the last 24 hours\./,
    );
    assert.match(textOf(await show('?period=month')), /No calls in the last 30 days\./);
  });

  test('draws calls, errors, latency and sign-ins by the hour, with the numbers in a table', async () => {
    const hour = NOW - (NOW % HOUR);
    await add('hour', hour, 'success', 1200, 2);
    await add('hour', hour, 'success', 60, 50);
    await add('hour', hour - 23 * HOUR, 'refused', 4);
    await add('hour', hour - 23 * HOUR, 'failed', 1, 5000);
    await add('hour', hour - 24 * HOUR, 'success', 999, 0);
    await add('hour', hour, 'sign_in_refused', 7);
    const text = await show();

    const calls = linesOf(text, 'Calls');
    assert.equal(calls.length, 24);
    assert.match(calls[0] ?? '', / 15:00: 5 calls, 5 of them refused or failed$/);
    assert.match(calls[23] ?? '', / 14:00: 1,260 calls$/);
    assert.match(linesOf(text, 'Errors')[0] ?? '', /: 4 refused, 1 failed$/);
    assert.match(text, /0\.4 % of the calls: 4 refused, 1 failed\./);
    assert.match(text, /Half of the calls took up to 5 ms, 95 % up to 5 ms\./);
    const latency = linesOf(text, 'Latency');
    assert.match(latency[0] ?? '', /half of the calls more than 5,000 ms, 95 % more than 5,000 ms$/);
    assert.match(latency[1] ?? '', /: no calls$/);
    assert.match(linesOf(text, 'Sign-ins')[23] ?? '', /: \d+ signed in, 7 refused$/);
    assert.match(textOf(text), /Errors in numbers Hour Refused Failed Of the calls .* 15:00 4 1 100\.0 % /);
    assert.doesNotMatch(text, / style=|<script>/);
  });

  test('shows a week and a month by the day, and what there was on each day that was counted', async () => {
    const today = NOW - (NOW % DAY);
    await add('day', today - 6 * DAY, 'success', 3, 0);
    await add('day', today, 'success', 1, 0);
    await add('day', today - 29 * DAY, 'success', 2, 0);
    const { figures } = people.domain.rows;
    const [now] = await figures.list({ limit: 1 });
    const day = today - 3 * DAY;
    await figures.insert({
      ...(now ?? assert.fail('it was not counted')),
      ...{ id: 'earlier', day, usedCredentials: 5, unusedCredentials: 2, neverUsedCredentials: 1 },
    });
    const week = await show('?period=week');
    assert.equal(linesOf(week, 'Calls').length, 7);
    assert.match(linesOf(week, 'Calls')[0] ?? '', /^20\d\d-\d\d-\d\d: 3 calls$/);
    assert.match(linesOf(week, 'Tokens and secrets')[3] ?? '', /: 5 in use, 3 not$/);
    assert.match(linesOf(week, 'Tokens and secrets')[2] ?? '', /: not counted$/);
    const month = linesOf(await show('?period=month'), 'Calls');
    assert.deepEqual([month.length, /: 2 calls$/.test(month[0] ?? '')], [30, true]);
    assert.equal(linesOf(await show('?period=$ne'), 'Calls').length, 24);
  });

  test('leads to the lists', async () => {
    await people.domain.accounts.suspend((await people.account()).id, { kind: 'operator' });
    const { rows } = people.domain;
    const mail = { to: 'a@example.com', subject: '', text: '', html: '', createdAt: NOW, attempts: 9 };
    await rows.outbox.insert({ id: 'given-up', ...mail, failedAt: NOW });
    await rows.outbox.insert({ id: 'long-ago', ...mail, failedAt: NOW - 2 * DAY });
    const text = await show();
    assert.match(textOf(text), /Mails given up 1 .*in the last 24 hours/);
    assert.match(textOf(await show('?period=week')), /Mails given up 2 /);
    const links = [...text.matchAll(/<li class="figure">[\s\S]*?href="([^"]+)"/g)].map(
      ([, link]) => link ?? '',
    );
    assert.ok(links.length >= 8);
    // The calls of an hour, of a day, and those that were refused since then.
    for (const [query, link] of [
      ['', '/admin/activity?period=date&from=2030-03-17T14:00&to=2030-03-17T14:59'],
      ['?period=week', '/admin/activity?period=date&from=2030-03-17&to=2030-03-17'],
      ['', '/admin/activity?period=date&from=2030-03-16T15:00&result=refused'],
    ] as const) {
      assert.ok((await show(query)).replaceAll('&amp;', '&').includes(`href="${link}"`), link);
      links.push(link);
    }
    for (const link of links) assert.equal((await admin.agent.get(link)).status, 200, link);
  });
});
