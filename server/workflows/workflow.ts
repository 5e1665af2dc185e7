import { z } from 'zod';
import { mayBeAbsent } from '../data/may-be-absent.ts';
import type { Fields, RecordOf } from '../data/record.ts';
import type { DataType } from '../data/type.ts';
import { Problem } from '../ground/errors.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';

/**
 * What an app owner writes in workflows/. The functions here only keep the types
 * of what is written and remember that it came through them; load-declarations.ts checks it, runner.ts carries it out.
 */

/** One parameter of a workflow. */
export type Parameter = {
  /** What is accepted. `.optional()` and `.default(…)` make the parameter optional. */
  schema: z.ZodType;
  /** Where it is read from: `body` unless said otherwise (`query` for a GET workflow). */
  in?: 'body' | 'query' | 'either';
  /** One sentence for pages and hints. */
  description: string;
  /** A value that `schema` accepts, for ready-made calls; never what anybody really sent. */
  example: unknown;
};

/**
 * `anyone`: no token needed. `account`: a token with the scope `wf:NAME`. `admin`: a token with the scope
 * `admin:wf:NAME`, or `admin`.
 */
export type Callers = 'anyone' | 'account' | 'admin';

type Parameters = Record<string, Parameter>;
type Types = Record<string, DataType>;

/** Who calls, as a workflow sees it. */
export type WorkflowCaller = {
  accountId: string;
  email: string;
  /** What your app itself knows the account by, if it ever said so: the `external_id` of a portal link or an imported key. */
  externalId?: string | undefined;
  /** The service or app that holds the token; absent for a personal access token. */
  client?: { id: string; name: string /** Why an admin made it one. */; reason?: string | undefined };
  /** A service that an admin made for the whole app acts for `app`; all others for their account. */
  actsFor: 'account' | 'app';
  /** Whether the token calls this workflow as an admin, with the scope `admin:wf:NAME` or `admin`. */
  admin: boolean;
  /**
   * What the owner of the app noted by the management API, such as a plan: the keys of the account, and over them those
   * of the token.
   */
  metadata: Readonly<Record<string, string>>;
};

/** A mail that a workflow asks for. Without `html` the text is sent as the HTML part too. */
export type WorkflowMail = { to: string; subject: string; text: string; html?: string };

/** A field, a test and, but for `empty` and `filled`, a value: what lists of records are narrowed down by. */
export type FieldTest<R> = {
  [K in keyof R & string]:
    | readonly [K, '=' | '!=' | '<' | '<=' | '>' | '>=', NonNullable<R[K]>]
    | readonly [K, 'in' | 'not in', readonly NonNullable<R[K]>[]]
    | readonly [K, 'contains' | 'lacks', string]
    | readonly [K, 'has' | 'has not', NonNullable<R[K]> extends readonly (infer E)[] ? E : never]
    | readonly [K, 'empty' | 'filled'];
}[keyof R & string];

type SortField<R> = { by: keyof R & string; descending?: boolean };

/** Which records are wanted. `limit`: at most 1000, as many as come without it; a greater one is refused. */
export type FindWanted<R> = {
  where?: readonly FieldTest<R>[];
  order?: SortField<R> | readonly SortField<R>[];
  limit?: number;
};

type ReadsOf<R, Seen> = {
  /** The records for which all of `where` holds, as they are stored: what this run staged is not among them yet. */
  find(wanted?: FindWanted<R>): Promise<Seen[]>;
  /** Undefined where there is none, or none that the caller may see; one that this run staged is as it will be. */
  get(id: string): Promise<Seen | undefined>;
  count(wanted?: Pick<FindWanted<R>, 'where'>): Promise<number>;
};

type WritesOf<F extends Fields, Seen> = {
  /**
   * Checks the fields and answers the record that will be stored once `run` has returned. A call as an admin may
   * store it for another account, by its id; that account's activity says so.
   */
  create(fields: z.input<z.ZodObject<F>>, options?: { for?: string }): RecordOf<F>;
  /**
   * Changes these fields; undefined takes an optional one away. Where others change the record before `run` has returned,
   * the run begins again, so that nothing of theirs is lost. What it answers is the record as `get` would.
   */
  change(
    record: string | { id: string },
    fields: { [K in keyof F]?: z.input<F[K]> | undefined },
  ): Promise<Seen>;
  delete(record: string | { id: string }): Promise<void>;
  /**
   * For a record that this run decides by and leaves as it is: where others change or delete it before `run` has returned,
   * the run begins again, as with one that it changes.
   */
  expectUnchanged(record: string | { id: string }): Promise<void>;
};

/** The records of a type for one run: under the rules of the type for who calls, or `unrestricted`, around them. */
export type RecordsOf<F extends Fields> = AccessOf<F, { id: string } & Partial<RecordOf<F>>> & {
  unrestricted: AccessOf<F, RecordOf<F>>;
};

/** `Seen`: as much of a record as is given out. */
type AccessOf<F extends Fields, Seen> = ReadsOf<RecordOf<F>, Seen> & WritesOf<F, Seen>;

type DataOf<T extends Types> = {
  [K in keyof T]: T[K] extends DataType<infer F> ? RecordsOf<F> : never;
};

/**
 * What `run` is given. Records and mails are staged: they happen when `run` has returned, all of them or none.
 */
export type WorkflowCall<P extends Parameters, C extends Callers, T extends Types> = {
  parameters: { [K in keyof P]: z.output<P[K]['schema']> };
  caller: C extends 'anyone' ? WorkflowCaller | undefined : WorkflowCaller;
  data: DataOf<T>;
  mail: { send(mail: WorkflowMail): void };
  /** `fetch` that ends with the run: at its time limit, or where the run has failed. */
  http: { fetch: typeof fetch };
  /** Aborted at the time limit, or where the run has failed; hand it to whatever can be ended. */
  signal: AbortSignal;
  /** The request's id, as in logs and activity, and the caller's network address. */
  request: { id: string; from: string };
};

/** Bounds of a workflow's own, within those that all have. */
export type WorkflowLimits = {
  /** How long a run may take: 1 to 30, 30 where nothing is said. */
  seconds?: number;
  /** How many calls of one account it takes a minute; of one network address where nobody is signed in. */
  callsAMinute?: number;
};

type WrittenWorkflow<P extends Parameters, R extends z.ZodType, C extends Callers, T extends Types> = {
  /** Lower case with underscores. It is called at /api/1.1/wf/NAME and its scope is `wf:NAME`. */
  name: string;
  /** What it does, in plain words: people read it when they make a token and when they allow an app. */
  description: string;
  /** `POST` unless said otherwise. */
  method?: 'POST' | 'GET';
  callers: C;
  parameters: P;
  /** The data types that it works with, from types/: `data.NAME.create(…)`. */
  types?: T;
  limits?: WorkflowLimits;
  /** What it answers. Anything else that `run` returns is our mistake and stops the call. */
  returns: R;
  run(call: WorkflowCall<P, C, T>): z.input<R> | Promise<z.input<R>>;
};

/** A declared workflow, whatever its parameters are. */
export type Workflow = Required<WrittenWorkflow<Parameters, z.ZodType, Callers, Types>>;

const declared = new WeakSet<object>();

/** Declares a workflow. One file in workflows/ exports one. */
export function defineWorkflow<
  P extends Parameters,
  R extends z.ZodType,
  C extends Callers,
  T extends Types = Record<never, never>,
>(written: WrittenWorkflow<P, R, C, T>): Workflow {
  // What `run` is handed is made from this same declaration (runner.ts), so its own types hold for it.
  const workflow = { method: 'POST', types: {}, limits: {}, ...written } as unknown as Workflow;
  declared.add(workflow);
  return workflow;
}

/** Whether this value came through `defineWorkflow`. */
export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === 'object' && value !== null && declared.has(value);
}

/** Where a parameter is read from, the usual place first. */
export function placesOf(workflow: Workflow, parameter: Parameter): readonly ('query' | 'body')[] {
  if (workflow.method === 'GET') return ['query'];
  if (parameter.in === 'either') return ['body', 'query'];
  return [parameter.in ?? 'body'];
}

/** Whether a call may leave it out. */
export function isOptional(parameter: Pick<Parameter, 'schema'>): boolean {
  return mayBeAbsent(parameter.schema);
}

/**
 * For `run` to throw when the call is well-formed but cannot be done ("the account is closed"): the
 * caller gets 400 with this message and hint, and nothing is stored or sent.
 */
export function refusal(message: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'NOT_RUN', message, hint });
}

/**
 * A schema for text on one line: without line ends, control characters and what turns the reading direction or is not
 * seen, but with the joiners that Persian words and emoji families are written with. Outer blanks are taken off.
 */
export function oneLine(lengthMax: number) {
  return z
    .string()
    .trim()
    .refine(
      (text) =>
        VISIBLE.test(text) && !isUnfit(text) && [...text.slice(0, 2 * lengthMax + 1)].length <= lengthMax,
      {
        error: `expected 1 to ${lengthMax} characters on one line`,
      },
    );
}
