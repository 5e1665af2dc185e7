import { invalidField } from '../../ground/errors.ts';
import { isObject } from '../../ground/is-object.ts';
import { nearMissHint } from '../../ground/near-miss.ts';
import { shortName } from '../../ground/without-secrets.ts';
import { inspectJson } from '../../workflows/json-faults.ts';
import { kindInWords } from './names.ts';

/** Objects in the JSON list that a query parameter holds. Throws Problem where it is none. */
export function objectsIn(
  parameter: string,
  text: string,
  { max, example }: { max: number; example: string },
): Record<string, unknown>[] {
  const how = `Send a JSON list in it, percent-encoded: ${example}`;
  const list = parsed(parameter, text, how);
  if (!Array.isArray(list)) throw invalidField(parameter, `is a list, and ${kindInWords(list)} came`, how);
  const { fault, changed } = inspectJson(text);
  if (fault !== undefined) throw invalidField(parameter, `cannot be used: ${fault}`, how);
  const [lost] = changed.values();
  if (lost !== undefined)
    throw invalidField(parameter, `has a number that is not kept: ${lost}`, 'Send another.');
  if (list.length > max) throw invalidField(parameter, `has ${list.length} parts`, `Send at most ${max}.`);
  const other = list.find((one) => !isObject(one));
  if (other !== undefined) {
    throw invalidField(parameter, `has ${kindInWords(other)} where an object is wanted`, how);
  }
  return list as Record<string, unknown>[];
}

/** Refuses an object that has other names than these, and names the one that was probably meant. */
export function requireKnownNames(parameter: string, one: object, known: readonly string[]): void {
  const stranger = Object.keys(one).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  throw invalidField(
    parameter,
    `has a part that is not read: ${shortName(stranger)}`,
    nearMissHint(stranger, known, `There are: ${known.join(', ')}.`),
  );
}

function parsed(parameter: string, text: string, how: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidField(parameter, 'is not valid JSON', how);
  }
}
