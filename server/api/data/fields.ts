import type { Context } from 'koa';
import { z } from 'zod';
import { mayBeAbsent } from '../../data/may-be-absent.ts';
import { checkInTime, type SentBy } from '../../data/timed-check.ts';
import type { DataType } from '../../data/type.ts';
import { invalidField, Problem } from '../../ground/errors.ts';
import { MINUS_ZERO } from '../../ground/exact-number.ts';
import { shortName } from '../../ground/without-secrets.ts';
import { doCheck } from '../../workflows/late-failures.ts';
import { hintForText, slipOf } from '../../workflows/parameter-hints.ts';
import { isMisread, lossOfText, unfitTextIn } from '../../workflows/parameter-text.ts';
import { wantedBy } from '../../workflows/parameters.ts';
import { limitsInWords, typeInWords, type WrittenSchema } from '../../workflows/schema-words.ts';
import { strayNameIn } from '../../workflows/stray-names.ts';
import { readRequestBody, type Sent } from '../request-body.ts';
import { isOwnName, unrecognizedField } from './names.ts';

/** Fields of a record as they were sent; what is taken away is undefined. */
export type SentFields = Record<string, unknown>;

/** The JSON object that a record is sent as. Throws Problem for another body, and for none. */
export async function readRecord(ctx: Context): Promise<Sent> {
  const sent = await readRequestBody(ctx);
  if (sent.kind === 'json') return sent;
  const hint = 'Send the fields as a JSON object, with the header "Content-Type: application/json".';
  if (sent.values.size === 0)
    throw new Problem({ status: 400, code: 'MISSING_DATA', message: 'The request has no body.', hint });
  throw new Problem({
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'A record is not read from a form, which knows texts only.',
    hint,
  });
}

/** Without what the caller sees in the record as it is: who sends back what was read changes nothing by that. */
export function withoutSame(
  { values, ...sent }: Sent,
  isSame: (name: string, value: unknown) => boolean,
): Sent {
  return { ...sent, values: new Map([...values].filter(([name, value]) => !isSame(name, value))) };
}

/**
 * What was sent, checked by the type's schemas; null takes a field away. `others`: which of the fields that were not sent
 * have their default; `more`: said where one has none. Throws Problem for the first mistake.
 */
export function sentFields(
  type: DataType,
  sent: Sent,
  by: SentBy,
  others: (name: string) => boolean = () => false,
  more = '',
): SentFields {
  const { fields } = type;
  const declared = { what: `type ${type.name}`, of: fields, schemas: () => Object.values(fields) };
  // What a schema starts and does not await may fail later, and must not end the server then.
  const whose = { workflow: declared.what, requestId: by.requestId, isOurs: false };
  return doCheck(whose, () =>
    checkInTime(declared, by, () => {
      const checked = checkedFields(type, sent);
      for (const name of Object.keys(fields)) {
        if (!sent.values.has(name) && others(name)) checked[name] = unsentValue(type, name, more);
      }
      return checked;
    }),
  );
}

function checkedFields(type: DataType, { values, changed }: Sent): SentFields {
  const fields: SentFields = {};
  for (const [name, value] of values) {
    const schema = schemaOf(type, name);
    const unfit = unfitTextIn(value);
    if (unfit !== undefined) throw invalid(type, name, unfit, hintForText(value));
    const lost = changed.get(name);
    if (lost !== undefined) throw invalid(type, name, lost, hintForLost(lost));
    const stray = strayNameIn(schema, value);
    if (stray !== undefined)
      throw invalid(type, name, `there is no ${shortName(stray.path)} in it`, `Did you mean ${stray.meant}?`);
    const parsed = schema.safeParse(value ?? undefined);
    // A schema of the owner's may make a number or a yes of whatever it gets.
    if (isMisread(schema, value, parsed.data))
      throw invalid(type, name, `it would arrive as ${String(parsed.data)}`);
    const loss = typeof parsed.data === 'number' ? lossOfText(value) : undefined;
    if (loss !== undefined) throw invalid(type, name, loss, hintForLost(loss));
    if (!parsed.success) {
      throw value === null
        ? invalid(type, name, 'it cannot be taken away', 'Each record has it: send a value.')
        : invalid(type, name, wantedBy(parsed.error), hintForWrong(name, schema, value));
    }
    fields[name] = parsed.data;
  }
  return fields;
}

function hintForLost(lost: string): string {
  if (lost === MINUS_ZERO) return 'Send 0.';
  return 'Send a number that has no more than fifteen digits; a field that keeps more of them is a text.';
}

/** What the caller probably did, and what the field takes. */
function hintForWrong(name: string, schema: z.ZodType, value: unknown): string {
  const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as WrittenSchema;
  const taken = `${name} takes: ${[typeInWords(written), ...limitsInWords(written)].join(', ')}.`;
  return [slipOf(name, { schema }, { value, isText: false }), taken].join(' ').trim();
}

/** All fields of a new record: what was not sent has its default, if it has one. Throws Problem for what is missing. */
export function wholeRecord(type: DataType, sent: Sent, by: SentBy): SentFields {
  return sentFields(type, sent, by, () => true);
}

/** What a record has in a field that was not sent. Throws Problem where it must be. */
function unsentValue(type: DataType, name: string, more: string): unknown {
  const parsed = (type.fields[name] as z.ZodType).safeParse(undefined);
  if (parsed.success) return parsed.data;
  throw new Problem({
    status: 400,
    code: 'MISSING_DATA',
    message: `Missing field of type ${type.name}: field ${name}`,
    hint: `Each ${type.name} has: ${requiredOf(type).join(', ')}.${more}`,
    parameter: name,
  });
}

function requiredOf({ fields }: DataType): string[] {
  return Object.entries(fields).flatMap(([name, schema]) => (mayBeAbsent(schema) ? [] : [name]));
}

function schemaOf(type: DataType, name: string): z.ZodType {
  const schema = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
  if (schema !== undefined) return schema;
  if (isOwnName(name)) throw invalidField(name, 'is not written by callers', 'Leave it out.');
  throw unrecognizedField(name, Object.keys(type.fields));
}

function invalid(type: DataType, name: string, wrong: string, hint?: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `Invalid data for type ${type.name}: field ${name}: ${wrong}`,
    hint: hint ?? `Send ${name} as the type declares it.`,
    parameter: name,
  });
}
