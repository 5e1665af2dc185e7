import type { z } from 'zod';

/**
 * What the server asks of a database, in types and contract sentences. The suite in test/contract is their
 * meaning and runs against each engine. An engine only translates: everything of the domain stands above.
 *
 * - A row is one document, found by its string `id`. Every change touches one row and is atomic.
 * - An absent field is `undefined`; null is stored as that. What lies inside a field is JSON with any names, at most 500 deep.
 * - Rows given out are frozen, with all that lies inside, for an engine may give the same one to many.
 * - What does not fit the declaration (rows, changes, conditions) is our bug: a TypeError, and nothing is written.
 * - A promise that is fulfilled means the change is on disk (`durability: 'disk'`) or safe from the death of
 *   this process (`durability: 'process'`: what a power cut may take is a last moment of activity entries).
 *   A read may see a change a moment before that.
 * - Engines throw `Taken` and `Unavailable`, of rows that are `searched` also `TooSlow` and `TooBusy`, and nothing of their
 *   driver's.
 */

/** A value that a condition may compare with. Objects are refused at run time, so no operator can slip in. */
export type Scalar = string | number | boolean;

/** Whether this is one: a text, true or false, or a number that has an end. */
export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

/** So many characters may `contains` look for: MongoDB takes patterns of 32,764 bytes. */
export const CONTAINED_LENGTH_MAX = 4000;

type Row = { id: string };

/** The fields of a row that hold a scalar: those that can be compared, ordered by, indexed. */
export type ScalarField<R> = {
  [K in keyof R]-?: NonNullable<R[K]> extends Scalar ? K : never;
}[keyof R] &
  string;

/** The fields of a row that hold text. */
export type TextField<R> = {
  [K in keyof R]-?: NonNullable<R[K]> extends string ? K : never;
}[keyof R] &
  string;

/** The fields of a row that hold a list of scalars. */
export type ListField<R> = {
  [K in keyof R]-?: NonNullable<R[K]> extends readonly Scalar[] ? K : never;
}[keyof R] &
  string;

/**
 * One test of one field, or `any` of several lists of tests, at least one of which holds as a whole, or `none`, where no
 * list of them does. A list of them means "and". Each is either true or false, and the pairs `=` `!=`, `in` `not in`, `contains` `lacks`, `has` `has not`, `empty`
 * `filled`, `absent` `present` are each other's opposite: on an absent field those hold that say no. `<` and the like hold
 * between two numbers, or two texts, only. `contains` asks for a text within the text, as it is written; `has` for an
 * element of the list. At most 500 conditions and alternatives, 16 levels of `any` and `none`, and CONTAINED_LENGTH_MAX characters to look for.
 */
export type Condition<R> =
  | {
      [K in ScalarField<R>]: readonly [K, '=' | '!=' | '<' | '<=' | '>' | '>=', NonNullable<R[K]>];
    }[ScalarField<R>]
  | {
      [K in ScalarField<R>]: readonly [K, 'in' | 'not in', readonly NonNullable<R[K]>[]];
    }[ScalarField<R>]
  | readonly [TextField<R>, 'contains' | 'lacks', string]
  | readonly [ListField<R>, 'has' | 'has not', Scalar]
  | readonly [ListField<R>, 'empty' | 'filled']
  | readonly [keyof R & string, 'absent' | 'present']
  | readonly ['any' | 'none', readonly Where<R>[]];

/** SQLite takes expressions of 1000 levels, and each condition of a list is one. */
export const CONDITIONS_MAX = 500;

/** Conditions that hold together. */
export type Where<R> = readonly Condition<R>[];

/**
 * What a change does to a row: fields set (to undefined: removed), fields removed, numbers added to (an
 * absent number counts as 0). A field is named once.
 */
export type Change<R> = {
  set?: { [K in Exclude<keyof R, 'id'>]?: R[K] };
  unset?: readonly Exclude<keyof R & string, 'id'>[];
  add?: { [K in ScalarField<R>]?: number };
};

/** The order of one field. Text is in the order of its code points, behind all numbers. Rows that lack it come first, or last descending. */
export type Order<R> = { by: ScalarField<R>; descending?: boolean };

/** Who asks for rows that are `searched`. */
export type Asker = {
  /** Whoever asks for much is in nobody's way but their own; absent where the server itself asks. */
  whose?: string;
  /** Aborted when nobody waits for it any more: an engine may end it then, with its reason. */
  signal?: AbortSignal | undefined;
};

/**
 * Rows in the order of one field, or of several, the later ones within ties of those before. What is still equal is in
 * the order of `id`, in the direction of the last of them; without `order` all are.
 */
export type Listing<R> = Asker & {
  where?: Where<R>;
  order?: Order<R> | readonly Order<R>[];
  /** At most this many rows; required, because nothing here reads without a bound. */
  limit: number;
  /** The last row of the page before: only rows behind it are given. */
  after?: R;
  /** So many rows are passed over first, each of which costs nearly what giving it would. */
  skip?: number;
  /** Asked of each row in turn; the list ends before the first for which it answers no, and what is behind is not read. */
  takes?: (row: R) => boolean;
};

/** How far rows are counted, and who asks. */
export type CountBounds = Asker & {
  /** So many at most: what is beyond is not looked at. */
  most?: number;
};

/** So long may a list or a count of rows take that are `searched`. */
export const SEARCH_SECONDS_MAX = 10;

/**
 * A collection, declared once. `unique` fields may be absent: only rows that have them exclude each other.
 */
export type Declaration<R extends Row> = {
  name: string;
  /** An object schema: its shape says which fields there are and which may be absent. */
  schema: z.ZodType<R> & { readonly shape: Readonly<Record<string, z.ZodType>> };
  unique?: readonly ScalarField<R>[];
  indexes?: readonly (readonly ScalarField<R>[])[];
  durability?: 'disk' | 'process';
  /**
   * By field, how many seconds a row outlives the time that stands there. The server removes what is over; an engine
   * need not know of it. The field is indexed.
   */
  expires?: { readonly [F in ScalarField<R>]?: number };
  /** Its rows come through a `Journal`; an engine may have them in a place of their own. */
  journalled?: boolean;
  /** Its rows may be part of a `Store.commit`. */
  committed?: boolean;
  /**
   * Its rows are asked for in ways that no index was made for: an engine lets nobody else wait for that. `list` and `count`
   * throw `TooSlow` and `TooBusy`.
   */
  searched?: boolean;
  /** Indexes that an earlier declaration made and this one does not name are removed when it is opened. */
  exact?: boolean;
  /** Fields that in rows of before may hold what the schema does not say, for it was another then. */
  mixed?: readonly (keyof R & string)[];
};

/** Gives a declaration the row type that its field names are checked against. */
export function declare<R extends Row>(declaration: Declaration<R>): Declaration<R> {
  return declaration;
}

/** The rows of one declaration. */
export type Collection<R extends Row> = {
  /** Adds a row. Throws `Taken` when its id or a unique field is in use. */
  insert(row: R): Promise<void>;
  /**
   * Adds rows. Those whose id is there already are left alone (so a repeat does no harm); answers how many
   * were new. Throws `Taken` when a unique field of one is in use; some of the others may then have been
   * added.
   */
  insertMany(rows: readonly R[]): Promise<number>;
  /** Adds the row or puts it in the place of the one with its id. Throws `Taken` for a unique field. */
  put(row: R): Promise<void>;
  get(id: string): Promise<R | undefined>;
  /** The row that has this value in a unique field. */
  find<K extends ScalarField<R>>(field: K, value: NonNullable<R[K]>): Promise<R | undefined>;
  list(listing: Listing<R>): Promise<R[]>;
  /** How many there are. */
  count(where: Where<R>, bounds?: CountBounds): Promise<number>;
  /**
   * Changes one row if it is there and `guard` holds, as one atomic step: of two callers whose guards exclude
   * each other exactly one wins. Answers the row as it is now, or undefined when nothing was changed.
   */
  update(id: string, change: Change<R>, guard?: Where<R>): Promise<R | undefined>;
  /** Changes each row for which `where` holds, row by row atomic; answers how many. */
  updateMany(where: Where<R>, change: Change<R>): Promise<number>;
  /** Removes one row if it is there and `guard` holds; answers whether it did. */
  remove(id: string, guard?: Where<R>): Promise<boolean>;
  /** Removes at most `limit` rows for which `where` holds; answers how many. */
  removeMany(where: Where<R>, limit: number): Promise<number>;
};

/**
 * Rows of one collection that come so often, and are looked at so seldom, that putting each in its place at once would
 * cost more than all the rest: an engine may write them down cheaply first, and put them in their place later, many at
 * a time. The collection is `journalled`, has `durability: 'process'` and nothing unique.
 */
export type Journal<R extends Row> = {
  /**
   * Adds a row. From then on it outlives this process, or with `disk` a power cut too. Reads of the collection through
   * the same store see it at once, those of other processes within seconds, also when this one dies. A row whose id is
   * there already is left alone. While some appended row cannot be put in its place, reads throw `Unavailable`.
   */
  append(row: R, durability?: 'disk' | 'process'): Promise<void>;
};

/**
 * One of the writes of a commit. `guard` is what must hold of the row then; where a row is changed or removed it names the
 * version that the writer saw. A change of nothing, `{}`, holds the commit to a row that it only read: of two commits that
 * each write what the other read at most one is done.
 */
export type Write<R extends Row = Row> =
  | { declaration: Declaration<R>; insert: R }
  | { declaration: Declaration<R>; change: Change<R>; id: string; guard: Where<R> }
  | { declaration: Declaration<R>; remove: true; id: string; guard: Where<R> };

/** Holds a write to the rows of its collection, and gives it the type that the writes of all collections share. */
export function writeOf<R extends Row>(write: Write<R>): Write {
  return write as unknown as Write;
}

/** A database that was opened. */
export type Store = {
  /** Which engine this is, for `doctor` and the log. */
  engine: 'sqlite' | 'mongodb';
  /** Whether there was nothing in it when it was opened. */
  isNew: boolean;
  /**
   * Makes ready the collection's table and indexes the first time; the same declaration always gives the same
   * rows. Throws `Taken` where a field is declared unique of which rows that are there have the same value.
   */
  collection<R extends Row>(declaration: Declaration<R>): Promise<Collection<R>>;
  /** The journal in front of a collection. */
  journal<R extends Row>(declaration: Declaration<R>): Promise<Journal<R>>;
  /**
   * Does all of these writes, of collections that are `committed`, or none, whenever the process dies, and whoever else
   * writes to the same rows. Each row is named once. Answers false where a guard did not hold or a row was being written
   * by another commit: nothing was done, and the same may be tried again on what is there then. Else throws `Taken` for an id
   * or a unique field that is in use. A read meanwhile sees each row as it was or as it will be, those of one commit not all at
   * once; when this has answered true, every read sees all of it.
   */
  commit(writes: readonly Write[]): Promise<boolean>;
  /** Ends what commits of processes that died left behind: finishes those that were decided, and gives the others back. */
  settleCommits(): Promise<void>;
  /** Throws `Unavailable` if the store cannot answer now. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** A unique field is in use by another row. `field` is `id` or the unique field's name; of several it is any of them. */
export class Taken extends Error {
  readonly collection: string;
  readonly field: string;
  constructor(collection: string, field: string) {
    super(`${collection}: ${field} is taken`);
    this.name = 'Taken';
    this.collection = collection;
    this.field = field;
  }
}

/** The store cannot answer now; the same call may succeed later. Nothing was promised. */
export class Unavailable extends Error {
  /** oidc-provider answers with this status instead of 500. */
  readonly statusCode = 503;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unavailable';
  }
}

/** A list or a count of `searched` rows took longer than SEARCH_SECONDS_MAX. */
export class TooSlow extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TooSlow';
  }
}

/** Too many long lists and counts of `searched` rows are asked for at once. */
export class TooBusy extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TooBusy';
  }
}

/** There is no database under this URL, and none was to be made. */
export class NotThere extends Error {
  constructor(options?: ErrorOptions) {
    super('there is no database', options);
    this.name = 'NotThere';
  }
}
