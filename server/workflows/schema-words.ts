import { parameterTypeOf } from './parameter-types.ts';

/** What is read of JSON Schema (draft 2020-12): what a transformation or a refinement adds is not in it. */
export type WrittenSchema = {
  type?: string;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: WrittenSchema[];
  items?: WrittenSchema;
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

const TYPES: Record<string, string> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
};

/** What it takes: `list of whole number`. */
export function typeInWords({ type, format, anyOf, items, ...schema }: WrittenSchema): string {
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

/** Its bounds: `at least 1`, `at most 100 characters`. */
export function limitsInWords(schema: WrittenSchema): string[] {
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
  const said = bounds.flatMap(([word, bound, unit]) =>
    isSaid(bound) ? [`${word} ${bound}${bound === 1 ? unit.replace('characters', 'character') : unit}`] : [],
  );
  // What has a format has a long pattern that says the same.
  return pattern === undefined || format !== undefined ? said : [...said, `like /${pattern}/`];
}
