import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Bearer } from './access/bearer.ts';
import { dataScope } from './credentials/scopes.ts';
import { fieldsOf } from './data/privacy.ts';
import type { OwnFields, SeenRecord, StoredRecord } from './data/record.ts';
import type { OpenType } from './data/rows.ts';
import { type Domain, openDomain } from './domain.ts';
import type { Actor } from './ground/actor.ts';
import { systemClock } from './ground/clock.ts';
import { Problem } from './ground/errors.ts';
import { nearMissHint } from './ground/near-miss.ts';
import { newId } from './ground/opaque.ts';
import { readSettings } from './ground/settings.ts';
import { scopeFor } from './workflows/catalogue.ts';
import { loadSettings } from './workflows/load-settings.ts';
import type { Arguments } from './workflows/parameters.ts';
import { createRunner } from './workflows/runner.ts';
import type { Workflow } from './workflows/workflow.ts';

/** What an app owner's tests import from 'latchkey/testing'. */

/** Whom a test calls as. */
export type TestAccount = {
  email: string;
  /** Made up where it is left out. */
  id?: string;
  /** Of the token; what the called workflow needs where it is left out, or `admin` for an admin. */
  scopes?: readonly string[];
  admin?: boolean;
  /** As it would be noted by the management API. */
  metadata?: Readonly<Record<string, string>>;
};

/** A record as it is stored. */
export type TestRecord = OwnFields & Record<string, unknown>;

/**
 * Calls a workflow and answers what it returns, which `T` says the shape of. Rejects with the refusal: a Problem with `code`,
 * `message`, `hint`, `status`.
 */
type CallWorkflow = <T = Record<string, unknown>>(
  name: string,
  parameters?: Record<string, unknown>,
) => Promise<T>;

export type TestStore = Awaited<ReturnType<typeof openTestStore>>;

const TESTER: Actor = { kind: 'operator' };
const ROWS_MAX = 10_000;

/**
 * The types and workflows of the owner's folder on a new store, which goes when the process ends. Calls are checked, run,
 * held to the rules and written as the server does it, but in this process, so that a debugger stops in `run`.
 */
export async function openTestStore(folder: string) {
  const data = mkdtempSync(join(tmpdir(), 'latchkey-testing-'));
  const remove = () => rmSync(data, { recursive: true, force: true });
  process.once('exit', remove);
  const environment = { LATCHKEY_CONFIG: folder };
  const { appName } = await loadSettings(environment);
  const settings = readSettings({ data, ...(appName === undefined ? {} : { appName }) }, environment);
  const clock = { now: systemClock() };
  const domain = await openDomain(settings, { clock: () => clock.now, log: pino({ level: 'silent' }) });
  const runner = createRunner({ ...domain, isOwners: () => false });

  async function call<T>(
    name: string,
    parameters: Record<string, unknown>,
    callerOf: (workflow: Workflow) => Bearer | undefined,
  ): Promise<T> {
    const workflow = domain.catalogue.get(name);
    if (workflow === undefined) throw noSuchWorkflow(name, domain.catalogue.all);
    const caller = callerOf(workflow);
    // So that what is stored has an order.
    clock.now += 1;
    if (caller !== undefined) domain.catalogue.requireRights(caller, workflow);
    else if (workflow.callers !== 'anyone') throw tokenWanted(workflow);
    const request = { id: newId('req_'), from: '127.0.0.1' };
    const checked = runner.check(workflow, argumentsFrom(workflow, parameters), {
      requestId: request.id,
      sender: caller?.account.id ?? request.from,
    });
    const named = await runner.named(workflow, checked, caller);
    const body = await runner.run(workflow, { parameters: checked, named, caller, request }, undefined);
    return (JSON.parse(body) as { response: T }).response;
  }

  const anyone: CallWorkflow = (name, parameters = {}) => call(name, parameters, () => undefined);

  return {
    /** Makes an account to call as. */
    async account({ scopes, admin = false, metadata, ...wanted }: TestAccount) {
      const account = await domain.accounts.create({ ...wanted, admin }, TESTER);
      const bearerWith = (needed: string): Bearer => ({
        tokenId: newId('tok_'),
        tokenKind: 'personal_access_token',
        tokenName: 'A test',
        account,
        actsFor: 'account',
        scopes: scopes ?? [admin ? 'admin' : needed],
        metadata,
        issuedAt: account.createdAt,
      });
      const callAs: CallWorkflow = (name, parameters = {}) =>
        call(name, parameters, (workflow) => bearerWith(scopeFor(workflow) ?? 'profile'));
      return {
        id: account.id,
        email: account.email,
        call: callAs,

        /** The records of a type that its rules let this account find, as much as it sees of each, the oldest first. */
        records: (type: string) => recordsSeen(domain, type, bearerWith(dataScope(type, 'read'))),
      };
    },

    /** Calls a workflow without a token. */
    call: anyone,

    ...storedIn(domain, clock),

    /** Ends it, with all that is stored. */
    async close(): Promise<void> {
      await domain.close();
      process.removeListener('exit', remove);
      remove();
    },
  };
}

async function recordsSeen(domain: Domain, type: string, caller: Bearer): Promise<SeenRecord[]> {
  const records = await domain.dataAccess.recordsFor(typeNamed(domain, type), caller, { verb: 'read' });
  const order = [{ by: 'id', descending: false }];
  const rows = await records.list({ constraints: [], order, skip: 0, limit: ROWS_MAX + 1 });
  return whole(rows)
    .toSorted((one, other) => one.createdAt - other.createdAt)
    .map(records.seen);
}

/** What is in the store, past the rules. */
function storedIn(domain: Domain, clock: { now: number }) {
  return {
    /** Moves the clock on; each call and each `put` moves it by one second. */
    pass(seconds: number): void {
      clock.now += seconds;
    },

    /** Stores a record, past the rules; `for` is the id of the account that made it. */
    async put(
      type: string,
      fields: Record<string, unknown>,
      { for: createdBy }: { for?: string } = {},
    ): Promise<TestRecord> {
      const opened = typeNamed(domain, type);
      const records = await domain.dataAccess.recordsFor(opened, undefined, { verb: 'write', passes: true });
      const row = records.made(fields, { createdBy });
      await opened.rows.insert(row);
      clock.now += 1;
      return recordFrom(opened, row);
    },

    /** All records of a type, past the rules, the oldest first. */
    async records(type: string): Promise<TestRecord[]> {
      const opened = typeNamed(domain, type);
      const rows = await opened.rows.list({ order: { by: 'createdAt' }, limit: ROWS_MAX + 1 });
      return whole(rows).map((row) => recordFrom(opened, row));
    },

    /** The mails that workflows have sent, the oldest first. */
    async mails(): Promise<{ to: string; subject: string; text: string; html: string }[]> {
      const mails = await domain.rows.outbox.list({ order: { by: 'createdAt' }, limit: ROWS_MAX + 1 });
      // Those of the server itself, about accounts, wait apart.
      const sent = whole(mails).filter(({ queue }) => queue !== 'own' && queue !== 'link');
      return sent.map(({ to, subject, text, html }) => ({ to, subject, text, html }));
    },
  };
}

/** A list that is cut in silence would be taken for the whole. */
function whole<T>(rows: T[]): T[] {
  if (rows.length > ROWS_MAX) throw new Error(`there are more than ${ROWS_MAX}, which no test can look at`);
  return rows;
}

function typeNamed({ types }: Domain, name: string) {
  const opened = types.get(name);
  if (opened !== undefined) return opened;
  throw new TypeError(`there is no type ${name}; there are: ${[...types.keys()].join(', ') || 'none'}`);
}

/** Without what the store itself keeps of it. */
function recordFrom({ type }: OpenType, row: StoredRecord): TestRecord {
  const fields = fieldsOf(type);
  return Object.fromEntries(Object.entries(row).filter(([name]) => fields.includes(name))) as TestRecord;
}

/** To whoever tests their own folder, all of it may be named. */
function noSuchWorkflow(name: string, workflows: readonly Workflow[]): Problem {
  const names = workflows.map((workflow) => workflow.name);
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `There is no workflow ${name}.`,
    hint: nearMissHint(name, names, `There are: ${names.join(', ')}.`),
  });
}

function tokenWanted({ name }: Workflow): Problem {
  return new Problem({
    status: 401,
    code: 'UNAUTHORIZED',
    message: `Workflow ${name} wants a token.`,
    hint: "Call it as an account: (await store.account({ email: 'ann@example.com' })).call(…).",
  });
}

/** As if each parameter had been sent in its place. */
function argumentsFrom(workflow: Workflow, sent: Record<string, unknown>): Arguments {
  return {
    find: (name) => (sent[name] === undefined ? undefined : { value: sent[name], isText: false }),
    findWrapped: () => undefined,
    strangers: Object.keys(sent).filter((name) => !Object.hasOwn(workflow.parameters, name)),
    howToSend: (name) => `Give ${name} among the parameters of the call.`,
    hintForAbsent: (name) => `Give ${name} among the parameters of the call.`,
  };
}
