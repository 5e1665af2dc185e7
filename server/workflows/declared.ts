import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Collection } from '../../adapters/port.ts';
import type { CallCounts, RouteCounts } from '../activity/call-counts.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { findGoneScopes, type GoneScope } from '../credentials/gone-scopes.ts';
import type { Scopes } from '../credentials/scopes.ts';
import { type RuleInWords, ruleInWords } from '../data/explain.ts';
import type { DataType } from '../data/type.ts';
import { WORKFLOWS_PATH } from '../ground/api-address.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import { WORKFLOW_COUNT_DAYS } from '../ground/limits.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import { type createCatalogue, scopeFor } from './catalogue.ts';
import type { Declarations } from './load.ts';
import { parameterTypeOf } from './parameter-types.ts';
import { isOptional, placesOf, type Workflow } from './workflow.ts';

/** One parameter or field, as it was declared. */
export type DeclaredValue = { name: string; type: string; limits: string[]; required: boolean };

export type DeclaredParameter = DeclaredValue & {
  places: readonly string[];
  description: string;
  example: unknown;
};

/** A workflow as it was declared, and how often everybody called it lately. */
export type DeclaredWorkflow = Pick<Workflow, 'name' | 'description' | 'callers' | 'method'> & {
  path: string;
  /** What a caller needs; undefined where anyone may call. */
  scope: string | undefined;
  parameters: DeclaredParameter[];
  /** The data types that it stores. */
  types: string[];
  calls: number;
  /** Refused by us or failed at our end, the most frequent first. */
  errors: { result: string; count: number }[];
};

export type DeclaredType = Pick<DataType, 'name' | 'description' | 'indexes' | 'unique' | 'onePerAccount'> & {
  fields: DeclaredValue[];
  /** In words. */
  rules: RuleInWords[];
};

/** Who holds what may take a moment to find: it is looked for once in so long. */
const GONE_SECONDS = 10 * MINUTE_SECONDS;
/** Nobody who looks at the page waits longer for it. */
const WAIT_MS = 20;

type Parts = {
  catalogue: Pick<ReturnType<typeof createCatalogue>, 'all'>;
  declarations: Declarations;
  callCounts: Pick<CallCounts, 'ofWorkflows'>;
  rows: { clients: Collection<Client>; credentials: Collection<Credential> };
  scopes: Pick<Scopes, 'gone'>;
  clock: Clock;
};

/** What the owner declared, as pages and the management API show it. */
export function createDeclared(parts: Parts) {
  const { catalogue, declarations, callCounts, rows, scopes, clock } = parts;
  let gone: { at: number; found: GoneScope[] } | undefined;
  let looking: Promise<GoneScope[]> | undefined;

  async function look(): Promise<GoneScope[]> {
    const at = clock();
    try {
      const found = await findGoneScopes({ ...rows, scopes });
      gone = { at, found };
      return found;
    } finally {
      looking = undefined;
    }
  }

  return {
    async workflows(): Promise<DeclaredWorkflow[]> {
      const counts = Map.groupBy(await callCounts.ofWorkflows(WORKFLOW_COUNT_DAYS), ({ route }) => route);
      return catalogue.all.map((workflow) =>
        workflowOf(workflow, counts.get(WORKFLOWS_PATH + workflow.name) ?? []),
      );
    },

    types: (): DeclaredType[] => [...declarations.types.values()].map(typeOf),

    /**
     * The scopes that nothing declares any more and that somebody still holds. Where it takes a while to find them, as they
     * were found before.
     */
    async goneScopes(): Promise<GoneScope[]> {
      if (gone !== undefined && isWithin(GONE_SECONDS, gone.at, clock())) return gone.found;
      looking ??= look();
      if (gone === undefined) return looking;
      const later = looking.catch(() => undefined);
      return (await Promise.race([later, delay(WAIT_MS, undefined, { ref: false })])) ?? gone.found;
    },
  };
}

function workflowOf(workflow: Workflow, counts: readonly RouteCounts[]): DeclaredWorkflow {
  const { name, description, callers, method, types } = workflow;
  const parameters = Object.entries(workflow.parameters).map(
    ([parameter, declared]): DeclaredParameter => ({
      ...declaredValue(parameter, declared.schema),
      required: !isOptional(declared),
      places: placesOf(workflow, declared),
      description: declared.description,
      example: declared.example,
    }),
  );
  return {
    name,
    description,
    callers,
    method,
    path: WORKFLOWS_PATH + name,
    scope: scopeFor(workflow),
    parameters,
    types: Object.values(types).map((type) => type.name),
    calls: counts.reduce((sum, { count }) => sum + count, 0),
    errors: counts
      .filter(({ outcome }) => outcome !== 'success')
      .map(({ result, count }) => ({ result, count })),
  };
}

function typeOf({ fields, rules, ...type }: DataType): DeclaredType {
  const { name, description, indexes, unique, onePerAccount } = type;
  return {
    ...{ name, description, indexes, unique, onePerAccount },
    fields: Object.entries(fields).map(([field, schema]) => declaredValue(field, schema)),
    rules: rules.map(ruleInWords),
  };
}

/** What is read of JSON Schema (draft 2020-12): what a transformation or a refinement adds is not in it. */
type Schema = {
  type?: string;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  items?: Schema;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
};

function declaredValue(name: string, schema: z.ZodType): DeclaredValue {
  const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  const required = !schema.safeParse(undefined).success;
  return { name, type: typeInWords(written), limits: limitsInWords(written), required };
}

const TYPES: Record<string, string> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
};

function typeInWords({ type, format, anyOf, items, ...schema }: Schema): string {
  const own = parameterTypeOf({ type, items, ...schema });
  if (own !== undefined) return type === 'array' ? `list of ${own.listed}` : own.words;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  if (anyOf !== undefined) return [...new Set(anyOf.map(typeInWords))].join(' or ');
  if (type === 'array') return `list of ${typeInWords(items ?? {})}`;
  if (type === 'string' && format !== undefined) return `text (${format})`;
  return TYPES[type ?? ''] ?? 'anything';
}

/** zod has these for a whole number of which nothing else is said. */
const isSaid = (bound: number | undefined): bound is number =>
  bound !== undefined && Math.abs(bound) !== Number.MAX_SAFE_INTEGER;

function limitsInWords(schema: Schema): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, pattern, format } = schema;
  const bounds: [word: string, bound: number | undefined, unit: string][] = [
    ['at least', minimum, ''],
    ['more than', exclusiveMinimum, ''],
    ['at most', maximum, ''],
    ['less than', exclusiveMaximum, ''],
    ['at least', schema.minLength, ' characters'],
    ['at most', schema.maxLength, ' characters'],
    ['at least', schema.minItems, ' of them'],
    ['at most', schema.maxItems, ' of them'],
  ];
  const said = bounds.flatMap(([word, bound, unit]) => (isSaid(bound) ? [`${word} ${bound}${unit}`] : []));
  // What has a format has a long pattern that says the same.
  return pattern === undefined || format !== undefined ? said : [...said, `like /${pattern}/`];
}
