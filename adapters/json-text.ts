/** A row as it is stored: a field that is null is absent. */
export function rowToJson(row: { id: string }): string {
  if (!Object.values<unknown>(row).includes(null)) return toJson(row);
  return toJson(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)));
}

/**
 * JSON as it is stored. Halves of surrogate pairs become U+FFFD, as in every UTF-8 text that a condition is
 * compared with; JSON.stringify writes only such halves as escapes.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\ud')) return text;
  return text.replace(/(\\\\)|\\ud[89a-f][0-9a-f]{2}/g, (_half, pair?: string) => pair ?? '\\ufffd');
}
