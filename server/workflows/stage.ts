import type { SeenRecord } from '../data/record.ts';
import type { Clock } from '../ground/clock.ts';
import { isOneAddress } from '../mail/recipient.ts';
import type { Ask, FoundRecord, Staged, StagedWrite } from './run-protocol.ts';
import { keyOf, readsOf, type Staging, writesOf } from './staged-records.ts';
import type { Workflow, WorkflowMail } from './workflow.ts';

/** A run is written as one commit; all that it stages must fit into one document, on every engine. */
const WRITES_MAX = 1000;
const CHARACTERS_MAX = 4 * 1024 * 1024;
/** A workflow that mails more people than this sends a campaign, which is not what it is for. */
const MAILS_MAX = 50;
/** RFC 5322 section 2.1.1: a line has at most 998 characters. */
const SUBJECT_LENGTH_MAX = 500;

type Parts = {
  accountId: string | undefined;
  /** Whether new records may be another account's. */
  isAdmin: boolean;
  clock: Clock;
  ask: Ask;
  /** Records that `run` is handed with its parameters. */
  given?: readonly (FoundRecord & { type: string })[];
};

/**
 * What `data` and `mail` of a workflow write on: nothing happens until the run is over and `close` gives
 * it out. Wrong fields or addresses are the workflow's mistake, not the caller's: they throw a TypeError.
 */
export function createStage(workflow: Workflow, parts: Parts) {
  const mail: WorkflowMail[] = [];
  const writes: Staging['writes'] = new Map();
  const known: Staging['known'] = {
    ruled: new Map(parts.given?.map(({ type, ...seen }) => [keyOf(type, seen.record.id), seen])),
    unrestricted: new Map(),
  };
  let isOpen = true;
  let characters = 0;

  /** Takes a copy as JSON, which is what is stored. Also refuses what comes after the end: work not awaited. */
  function taken<T>(what: T, count: number, max: number): T {
    if (!isOpen)
      throw new TypeError(
        `workflow ${workflow.name}: it is over; await what run starts, as in await data.TYPE.change(…)`,
      );
    const json = JSON.stringify(what);
    characters += json.length;
    if (count >= max || characters > CHARACTERS_MAX) {
      throw new TypeError(`workflow ${workflow.name}: more is stored or mailed than one run may`);
    }
    return JSON.parse(json) as T;
  }

  function stage(write: StagedWrite, record: SeenRecord | undefined, isUnrestricted: boolean): void {
    const key = keyOf(write.type, write.id);
    writes.delete(key);
    writes.set(key, taken(write, writes.size, WRITES_MAX));
    for (const [mode, seen] of Object.entries(known)) {
      // What a run makes it knows whole. Of what it changes around the rules, the caller sees no more than before.
      const isSeen = write.what === 'create' || (mode === 'unrestricted') === isUnrestricted;
      if (record === undefined || !isSeen) seen.delete(key);
      else seen.set(key, { record, version: 'version' in write ? write.version : undefined });
    }
  }

  const staging = { writes, known, stage };
  return {
    data: Object.fromEntries(
      Object.values(workflow.types).map((type) => {
        const of = (unrestricted: boolean) => {
          const whose = { ...parts, workflow, type, unrestricted };
          return { ...readsOf(staging, whose), ...writesOf(staging, whose) };
        };
        return [type.name, { ...of(false), unrestricted: of(true) }];
      }),
    ),

    mail: {
      send(wanted: WorkflowMail): void {
        const { to, subject, text, html } = wanted;
        if (typeof to !== 'string' || !isOneAddress(to))
          throw new TypeError('mail.send: `to` must be one e-mail address');
        if (/[\r\n]/.test(subject) || subject.length > SUBJECT_LENGTH_MAX) {
          throw new TypeError(
            `mail.send: the subject must be one line of at most ${SUBJECT_LENGTH_MAX} characters`,
          );
        }
        const copy = { to, subject, text, ...(html === undefined ? {} : { html }) };
        mail.push(taken(copy, mail.length, MAILS_MAX));
      },
    },

    /** Ends the staging; answers what was staged. */
    close(): Staged {
      isOpen = false;
      return { writes: [...writes.values()], mail };
    },
  };
}
