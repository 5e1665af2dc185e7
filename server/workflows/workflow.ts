import { z } from 'zod';
import { Problem } from '../ground/errors.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';

/**
 * What an app owner writes in config/: workflows and data types. The functions here only keep the types
 * of what is written and remember that it came through them; load.ts checks it, runner.ts carries it out.
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
type Fields = Record<string, z.ZodType>;
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

/** What a row of a data type is when it is read. `createdAt` is in epoch seconds. */
export type RowOf<F extends Fields> = {
  id: string;
  createdAt: number;
  createdBy?: string | undefined;
} & z.output<z.ZodObject<F>>;

type DataOf<T extends Types> = {
  [K in keyof T]: T[K] extends DataType<infer F>
    ? {
        /**
         * Checks the fields and answers the row that will be stored once `run` has returned. A call as an admin may
         * store it for another account, by its id; that account's activity says so.
         */
        create(fields: z.input<z.ZodObject<F>>, options?: { for?: string }): RowOf<F>;
      }
    : never;
};

/**
 * What `run` is given. Rows and mails are staged: they happen when `run` has returned, all of them or none.
 */
export type WorkflowCall<P extends Parameters, C extends Callers, T extends Types> = {
  parameters: { [K in keyof P]: z.output<P[K]['schema']> };
  caller: C extends 'anyone' ? WorkflowCaller | undefined : WorkflowCaller;
  data: DataOf<T>;
  mail: { send(mail: WorkflowMail): void };
  /** Aborted after 30 seconds; hand it to `fetch` and the like. */
  signal: AbortSignal;
  /** The request's id, as in logs and activity, and the caller's network address. */
  request: { id: string; from: string };
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
  /** The data types it stores, from config/types: `data.NAME.create(…)`. */
  types?: T;
  /** What it answers. Anything else that `run` returns is our mistake and stops the call. */
  returns: R;
  run(call: WorkflowCall<P, C, T>): z.input<R> | Promise<z.input<R>>;
};

/** A declared workflow, whatever its parameters are. */
export type Workflow = Required<WrittenWorkflow<Parameters, z.ZodType, Callers, Types>>;

/** A declared data type. */
export type DataType<F extends Fields = Fields> = {
  /** Lower case with underscores. */
  name: string;
  description: string;
  fields: F;
};

const declared = new WeakMap<object, 'workflow' | 'type'>();

/** Declares a workflow. One file in config/workflows exports one. */
export function defineWorkflow<
  P extends Parameters,
  R extends z.ZodType,
  C extends Callers,
  T extends Types = Record<never, never>,
>(written: WrittenWorkflow<P, R, C, T>): Workflow {
  // What `run` is handed is made from this same declaration (runner.ts), so its own types hold for it.
  const workflow = { method: 'POST', types: {}, ...written } as unknown as Workflow;
  declared.set(workflow, 'workflow');
  return workflow;
}

/** Declares a data type. One file in config/types exports one. */
export function defineType<F extends Fields>(written: DataType<F>): DataType<F> {
  const type = { ...written };
  declared.set(type, 'type');
  return type;
}

/** What a value was declared as by the functions here; undefined for any other. */
export function kindOf(value: unknown): 'workflow' | 'type' | undefined {
  return typeof value === 'object' && value !== null ? declared.get(value) : undefined;
}

/** Where a parameter is read from, the usual place first. */
export function placesOf(workflow: Workflow, parameter: Parameter): readonly ('query' | 'body')[] {
  if (workflow.method === 'GET') return ['query'];
  if (parameter.in === 'either') return ['body', 'query'];
  return [parameter.in ?? 'body'];
}

/** Whether a call may leave it out. */
export function isOptional(parameter: Parameter): boolean {
  return parameter.schema.safeParse(undefined).success;
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
