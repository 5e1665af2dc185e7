import { isoTime } from '../ground/time.ts';

/** A moment as answers have it: `created_at` in epoch seconds, `created` as ISO 8601; null where there is none. */
export function timesOf(name: string, at: number | undefined) {
  return { [`${name}_at`]: at ?? null, [name]: at === undefined ? null : isoTime(at) };
}
