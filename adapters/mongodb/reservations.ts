import type { CheckedChange } from '../checks.ts';
import type { Document } from './documents.ts';
import type { Filter } from './queries.ts';

/**
 * What a commit leaves in the documents of `committed` collections until it is decided (commit.ts tells the story). No
 * declared field begins with an underscore, and nothing that does reaches a reader.
 */

/** Names the commit that has reserved the row. */
export const COMMIT = '_commit';
/** On a row that the commit makes: nobody sees it yet. */
export const UNSEEN = '_unseen';
/** Beside each unique field: the value that the row has, or will have once its commit is done. It is unique, too. */
const NEXT = '_next_';

/** Rows that readers see. */
export const SEEN: Filter = { [UNSEEN]: { $exists: false } };
/** Rows that may be written to. */
export const FREE: Filter = { [COMMIT]: { $exists: false } };

export function nextOf(field: string): string {
  return NEXT + field;
}

/** The unique field that a field of a document stands for. */
export function ownField(name: string): string {
  return name.startsWith(NEXT) ? name.slice(NEXT.length) : name;
}

/** Who takes a value takes it in both fields. */
export function withNextOfRow(document: Document, unique: readonly string[]): Document {
  const next = unique.flatMap((field) =>
    document[field] === undefined ? [] : [[nextOf(field), document[field]] as const],
  );
  return { ...document, ...Object.fromEntries(next) };
}

export function withNextOfChange(change: CheckedChange, unique: readonly string[]): CheckedChange {
  const { set, unset, add } = change;
  return {
    set: [
      ...set,
      ...set
        .filter(([field]) => unique.includes(field))
        .map(([field, value]) => [nextOf(field), value] as [string, unknown]),
    ],
    unset: [...unset, ...unset.filter((field) => unique.includes(field)).map(nextOf)],
    add,
  };
}

/** What gives a document back as it was before it was reserved. */
export function released(document: Document): Filter {
  const fields = Object.keys(document).filter((name) => name.startsWith(NEXT));
  const [kept, gone] = [true, false].map((isKept) =>
    fields.filter((name) => ownField(name) in document === isKept),
  );
  const set = Object.fromEntries((kept ?? []).map((name) => [name, document[ownField(name)]]));
  const unset = Object.fromEntries([COMMIT, ...(gone ?? [])].map((name) => [name, '']));
  return { ...((kept ?? []).length > 0 && { $set: set }), $unset: unset };
}
