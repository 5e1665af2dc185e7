import { createInterface } from 'node:readline';
import { type Command, CommanderError } from 'commander';
import type { Known } from '../access/leaks.ts';
import type { CredentialState } from '../credentials/credential.ts';
import { findLeaks, type Sighting } from '../credentials/leak-scan.ts';
import { endsOf } from '../credentials/secret-format.ts';
import type { Domain } from '../domain.ts';
import { LEAKS_REPORTED_MAX } from '../ground/limits.ts';
import { both, type Said, tableOf } from './output.ts';
import { answer, OPERATOR, type Options, openIfThere, say, type Terminal } from './terminal.ts';

/** `leak-check` and `leaks revoke`: what to do about values of ours that stand where others can read them. */
export function addLeakCommands(program: Command, terminal: Terminal): void {
  program
    .command('leak-check')
    .description('finds tokens and client secrets in a text on standard input; exit code 1 if one is live')
    .option('--revoke', 'revoke those that are live, and tell their owners')
    .action(async (options: Options & { revoke?: boolean }) => {
      const { domain, missing } = await openIfThere(terminal);
      try {
        if (domain === undefined && options.revoke === true) throw missing;
        const checked = await check(terminal, domain, options.revoke === true);
        say(terminal, options, checked.said);
        if (checked.isLive) throw new CommanderError(1, 'latchkey.live', 'a live one was found');
      } finally {
        await domain?.close();
      }
    });

  program
    .command('leaks')
    .description('values that have leaked')
    .command('revoke')
    .description(
      'ends what stands on standard input, one value a line: tokens, client secrets, access and refresh tokens',
    )
    .action(answer(terminal, (domain) => revokeLines(terminal, domain)));
}

/** What the store says of a value: nothing where it was not asked. */
type Verdict = { state: CredentialState | 'honey' | 'revoked now' | 'unknown' | 'not asked' } & Partial<
  Record<'id' | 'name' | 'owner', string>
>;

async function check(
  { stdin }: Terminal,
  domain: Domain | undefined,
  revoke: boolean,
): Promise<{ said: Said; isLive: boolean }> {
  const sightings: Sighting[] = [];
  const verdicts = new Map<string, Verdict>();
  for await (const sighting of findLeaks(stdin)) {
    sightings.push(sighting);
    const { value } = sighting;
    if (!verdicts.has(value)) verdicts.set(value, await verdictOn(domain, value));
  }
  // What the store was not asked about may be live.
  const isLive = [...verdicts.values()].some(({ state }) => ['live', 'paused', 'not asked'].includes(state));
  if (domain !== undefined && revoke) await revokeFound(domain, verdicts);
  const rows = sightings.map(({ value, kind, line }) => {
    const { firstFour, lastFour } = endsOf(value);
    return { line, kind, first_four: firstFour, last_four: lastFour, ...verdicts.get(value) };
  });
  return { said: { json: rows, person: tableFor(rows) }, isLive };
}

type Row = Partial<Verdict> & { line: number; kind: string; first_four: string; last_four: string };

function tableFor(rows: readonly Row[]) {
  if (rows.length === 0) return 'No token and no client secret of a Latchkey was found.';
  const heads = ['line', 'kind', 'begins', 'ends', 'state', 'id', 'name', 'owner'];
  const table = tableOf(
    heads,
    rows.map(({ line, kind, first_four, last_four, state = '', id = '', name = '', owner = '' }) => [
      String(line),
      kind.replaceAll('_', ' '),
      first_four,
      last_four,
      state,
      id,
      name,
      owner,
    ]),
  );
  const isAsked = rows.every(({ state }) => state !== 'not asked');
  return isAsked ? table : both(table, 'There is no store here that could say whether they are live.');
}

async function verdictOn(domain: Domain | undefined, value: string): Promise<Verdict> {
  if (domain === undefined) return { state: 'not asked' };
  const known = await domain.leaks.identify(value);
  if (known === undefined) return { state: 'unknown' };
  const { id, name, isHoney } = known;
  const state = isHoney && known.state === 'live' ? 'honey' : known.state;
  const owner = await domain.accounts.get(known.accountId);
  return { state, id, name, ...(owner === undefined ? {} : { owner: owner.email }) };
}

/** Ends what stands, and writes down what was ended. */
async function revokeFound(domain: Domain, verdicts: Map<string, Verdict>): Promise<void> {
  const ended = await domain.leaks.revoke(
    [...verdicts.keys()].map((value) => ({ value })),
    OPERATOR,
  );
  const ids = new Set(ended.map(({ id }) => id));
  for (const verdict of verdicts.values()) {
    if (verdict.id !== undefined && ids.has(verdict.id)) verdict.state = 'revoked now';
  }
}

/** Batch by batch, so that a file of any length is read. */
async function revokeLines({ stdin }: Terminal, domain: Domain): Promise<Said> {
  const ended: Known[] = [];
  let read = 0;
  let batch: string[] = [];
  const revoke = async () => {
    ended.push(
      ...(await domain.leaks.revoke(
        batch.map((value) => ({ value })),
        OPERATOR,
      )),
    );
    batch = [];
  };
  for await (const line of createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    const value = line.trim();
    if (value === '') continue;
    read += 1;
    batch.push(value);
    if (batch.length === LEAKS_REPORTED_MAX) await revoke();
  }
  await revoke();
  const json = ended.map(({ kind, id, name, accountId }) => ({ kind, id, name, account_id: accountId }));
  const summary = `${ended.length} of ${read} ${read === 1 ? 'value' : 'values'} revoked; their owners are told by mail.`;
  const table = tableOf(
    ['kind', 'id', 'name'],
    json.map(({ kind, id, name }) => [kind.replaceAll('_', ' '), id, name]),
  );
  return { json, person: json.length === 0 ? `None of ${read} was live.` : both(table, summary) };
}
