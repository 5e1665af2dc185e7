import { z } from 'zod';
import { fromWorkflow } from '../../views/mail/from-workflow.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { isOneAddress } from '../mail/recipient.ts';
import type { DataRow } from './data-rows.ts';
import type { Staged } from './runs.ts';
import type { DataType, Workflow, WorkflowMail } from './workflow.ts';

/** A run is written as one row first; all that it stages must fit into it, on every engine. */
const ROWS_MAX = 1000;
const CHARACTERS_MAX = 4 * 1024 * 1024;
/** A workflow that mails more people than this sends a campaign, which is not what it is for. */
const MAILS_MAX = 50;
/** RFC 5322 section 2.1.1: a line has at most 998 characters. */
const SUBJECT_LENGTH_MAX = 500;

/**
 * What `data` and `mail` of a workflow write on: nothing happens until the run is over and `close` gives
 * it out. Wrong fields or addresses are the workflow's mistake, not the caller's: they throw a TypeError.
 */
export function createStage(
  workflow: Workflow,
  parts: {
    accountId: string | undefined;
    /** Whether rows may be another account's. */
    isAdmin: boolean;
    clock: Clock;
    settings: Pick<Settings, 'appName' | 'url'>;
  },
) {
  const { accountId, isAdmin, clock, settings } = parts;
  const rows: { type: string; row: DataRow }[] = [];
  const mail: Staged['mail'][number][] = [];
  let isOpen = true;
  let characters = 0;

  /**
   * Takes a copy as JSON, which is what is stored. Also refuses what comes after the end: work that `run`
   * started and did not wait for.
   */
  function take<T>(what: T, list: T[], max: number): T {
    if (!isOpen) throw new TypeError(`workflow ${workflow.name}: it is over; await what run starts`);
    const json = JSON.stringify(what);
    characters += json.length;
    if (list.length >= max || characters > CHARACTERS_MAX) {
      throw new TypeError(`workflow ${workflow.name}: more is stored or mailed than one run may`);
    }
    list.push(JSON.parse(json) as T);
    return JSON.parse(json) as T;
  }

  function create(
    type: DataType,
    fields: unknown,
    { for: createdBy = accountId }: { for?: string } = {},
  ): DataRow {
    if (createdBy !== accountId) {
      if (!isAdmin) throw ownRowsOnly(workflow);
      if (typeof createdBy !== 'string')
        throw new TypeError(`data.${type.name}.create: for is no account id`);
    }
    const parsed = z.strictObject(type.fields).safeParse(fields);
    if (!parsed.success) throw new TypeError(`data.${type.name}.create: ${z.prettifyError(parsed.error)}`);
    const row = { id: newId('obj_'), createdAt: clock(), createdBy, ...parsed.data };
    return take({ type: type.name, row }, rows, ROWS_MAX).row;
  }

  return {
    data: Object.fromEntries(
      Object.values(workflow.types).map((type) => [
        type.name,
        { create: (fields: unknown, options?: { for?: string }) => create(type, fields, options) },
      ]),
    ),

    mail: {
      send(wanted: WorkflowMail): void {
        const { to, subject, text, html } = wanted;
        if (!isOneAddress(to)) throw new TypeError('mail.send: `to` must be one e-mail address');
        if (/[\r\n]/.test(subject) || subject.length > SUBJECT_LENGTH_MAX) {
          throw new TypeError(
            `mail.send: the subject must be one line of at most ${SUBJECT_LENGTH_MAX} characters`,
          );
        }
        const written = { subject, text, workflow: workflow.name };
        const content = html === undefined ? fromWorkflow(settings, written) : { subject, text, html };
        take({ to, queue: accountId ?? 'anyone', ...content }, mail, MAILS_MAX);
      },
    },

    /** Ends the staging; answers what was staged. */
    close(): Staged {
      isOpen = false;
      return { rows, mail };
    },
  };
}

function ownRowsOnly({ name }: Workflow): Problem {
  return new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: `Workflow ${name} may store nothing for another account in this call.`,
    hint: `Only a service that an admin made with the scope admin:wf:${name}, or admin, may have it do that.`,
  });
}
