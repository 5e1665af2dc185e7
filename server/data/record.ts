import type { z } from 'zod';
import type { Carrier } from '../effects/effects.ts';

/** The fields of a type, each with its schema. */
export type Fields = Record<string, z.ZodType>;

/** What each record has by itself, beside the fields of its type. Times are in epoch seconds. */
export type OwnFields = {
  id: string;
  createdAt: number;
  /** The account that made it, or for which it was made. */
  createdBy?: string | undefined;
  /** When it was last changed, or made; absent on records of an earlier version. */
  modifiedAt?: number | undefined;
};

/** The fields that a record of any type has by itself and that a rule may name. */
export const OWN_FIELDS = [
  'id',
  'createdAt',
  'createdBy',
  'modifiedAt',
] as const satisfies readonly (keyof OwnFields)[];

/** A record as the owner's code knows it: by the fields of its type. */
export type RecordOf<F extends Fields> = OwnFields & z.output<z.ZodObject<F>>;

/**
 * A record of any type, whole, as it is stored: what the fields of its type hold is known by its schemas and not to the
 * compiler.
 */
export type StoredRecord = Carrier &
  OwnFields & {
    /** How often it was changed; absent where it never was. */
    version?: number | undefined;
    // biome-ignore lint/suspicious/noExplicitAny: conditions name fields that only the declaration knows
    [field: string]: any;
  };

/** As much of a record as one caller sees. */
export type SeenRecord = Pick<OwnFields, 'id'> & Partial<OwnFields> & Record<string, unknown>;
