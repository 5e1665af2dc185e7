import type { SeenRecord } from '../data/record.ts';
import type { WorkflowMail } from './workflow.ts';

/** What a run asks of the server, and what it hands over when it is over: all of it can go from one process to another. */

/** A record as `run` gets it: the fields that it may see, and how often it was changed. */
export type FoundRecord = { record: SeenRecord; version: number | undefined };

/** What a list for `run` is narrowed down by: field, test, value (data/expressions.ts). */
export type AskedCondition = readonly [field: string, test: string, value?: unknown];

/** What `run` asks the store for. `unrestricted`: past the rules of the type. */
export type Asked = { type: string; unrestricted: boolean } & (
  | { what: 'get'; id: string }
  | { what: 'count'; where: readonly AskedCondition[] }
  | {
      what: 'find';
      where: readonly AskedCondition[];
      order: readonly { by: string; descending: boolean }[];
      limit: number;
    }
);

/** Answers what `run` asks, under the rules for who calls it. Throws Problem. */
export type Ask = (asked: Asked) => Promise<FoundRecord[] | number>;

/** One write that a run staged; of a record that is there, with the version that the run saw. */
export type StagedWrite = { type: string; unrestricted: boolean; id: string } & (
  | { what: 'create'; createdAt: number; for: string | undefined; fields: Record<string, unknown> }
  | {
      what: 'change';
      version: number | undefined;
      fields: Record<string, unknown>;
      /** Those of the fields that are held to the rules, also where others are changed around them. */
      underRules: readonly string[];
    }
  | { what: 'delete'; version: number | undefined }
  /** Nothing is written: the run has read it, and is to be done only if it is still like that. */
  | { what: 'unchanged'; version: number | undefined }
);

/** What a run staged: it can be handed from one process to another. */
export type Staged = { writes: readonly StagedWrite[]; mail: readonly WorkflowMail[] };
