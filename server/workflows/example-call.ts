import { workflowOf } from '../credentials/scopes.ts';
import { WORKFLOWS_PATH } from '../ground/api-address.ts';
import type { Declarations } from './load-declarations.ts';
import { fileBytesOf } from './parameter-types.ts';
import { isOptional, placesOf, type Workflow } from './workflow.ts';

/** A call that its workflow accepts, with the example values of the declaration. */
export type ExampleCall = {
  name: string;
  method: 'POST' | 'GET';
  /** With the query, where parameters are read from there. */
  path: string;
  /** What to send as JSON; absent for GET. */
  body?: Record<string, unknown>;
  /** The same as fields and files of a form, where some are files: a person at a shell has no base64 at hand. */
  form?: FormPart[];
};

/** One part of a form: a text, or a file of the caller's. */
export type FormPart = { name: string } & ({ text: string } | { path: string; type: string | undefined });

/**
 * A ready-made call for a scope, from the examples of the declaration; undefined for a scope of no workflow.
 */
export function exampleCall({ workflows }: Declarations, scope: string): ExampleCall | undefined {
  const workflow = workflows.get(workflowOf(scope) ?? '');
  if (workflow === undefined) return undefined;
  const { name, method } = workflow;
  const query = queryOf(examplesIn(workflow, 'query'));
  const path = `${WORKFLOWS_PATH}${name}${query.size === 0 ? '' : `?${query}`}`;
  if (method === 'GET') return { name, method, path };
  const body = examplesIn(workflow, 'body');
  const form = formOf(workflow, body);
  const hasFiles = form.some((part) => 'path' in part);
  return { name, method, path, body, ...(hasFiles ? { form } : {}) };
}

/** These values as the parts of a form. */
export function formOf({ parameters }: Workflow, values: Record<string, unknown>): FormPart[] {
  return Object.entries(values).flatMap(([name, value]): FormPart[] => {
    const parameter = parameters[name];
    if (parameter === undefined || fileBytesOf(parameter.schema) === 0) {
      return [...queryOf({ [name]: value }).values()].map((text) => ({ name, text }));
    }
    const files = [value].flat() as { filename?: unknown; type?: string }[];
    return files.map(({ filename, type }) => ({ name, path: String(filename), type }));
  });
}

/** The examples of the required parameters that are read from this place. */
export function examplesIn(workflow: Workflow, place: 'query' | 'body'): Record<string, unknown> {
  const entries = Object.entries(workflow.parameters)
    .filter(([, parameter]) => placesOf(workflow, parameter)[0] === place && !isOptional(parameter))
    .map(([name, parameter]) => [name, parameter.example]);
  return Object.fromEntries(entries);
}

/** A query as a text has no types: what is no text itself is written as JSON, and a list by repeating its name. */
export function queryOf(values: Record<string, unknown>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    const list = isFlatList(value) ? value : [value];
    for (const one of list) query.append(name, typeof one === 'string' ? one : JSON.stringify(one));
  }
  return query;
}

function isFlatList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one !== 'object');
}
