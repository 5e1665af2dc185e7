import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Collection } from '../../adapters/port.ts';
import type { CallCounts, RouteCounts } from '../activity/call-counts.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { findGoneScopes, type GoneScope } from '../credentials/gone-scopes.ts';
import type { Scopes } from '../credentials/scopes.ts';
import { mayBeAbsent } from '../data/may-be-absent.ts';
import { type RuleInWords, ruleInWords } from '../data/rule-words.ts';
import type { DataType } from '../data/type.ts';
import { WORKFLOWS_PATH } from '../ground/api-address.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import { WORKFLOW_COUNT_DAYS } from '../ground/limits.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import { type createCatalogue, scopeFor } from './catalogue.ts';
import type { Declarations } from './load-declarations.ts';
import { limitsInWords, typeInWords, type WrittenSchema } from './schema-words.ts';
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

function declaredValue(name: string, schema: z.ZodType): DeclaredValue {
  const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as WrittenSchema;
  const required = !mayBeAbsent(schema);
  return { name, type: typeInWords(written), limits: limitsInWords(written), required };
}
