import { z } from 'zod';
import { type Collection, declare, Taken } from '../../adapters/port.ts';
import type { DataType } from './type.ts';

/** A data type whose records go when their account is deleted: noted, as its file may be gone by then. */
const accountDataTypeSchema = z.strictObject({
  /** The name of the type. */
  id: z.string(),
});

type AccountDataType = z.infer<typeof accountDataTypeSchema>;

export const accountDataTypeDeclaration = declare<AccountDataType>({
  name: 'account_data_types',
  schema: accountDataTypeSchema,
});

/** An owner declares some dozens. */
const NOTED_MAX = 10_000;

/**
 * Notes those of the declared types whose records go with their account, if `writes`, and answers the names of those that
 * were noted earlier and are declared no more. Nothing is written where all of it is known.
 */
export async function noteAccountDataTypes(
  noted: Collection<AccountDataType>,
  types: ReadonlyMap<string, DataType>,
  { writes }: { writes: boolean },
): Promise<string[]> {
  const names = new Set((await noted.list({ limit: NOTED_MAX })).map(({ id }) => id));
  for (const { name, deletedWithAccount } of writes ? types.values() : []) {
    if (deletedWithAccount === names.has(name)) continue;
    // Of two servers that start at once one is first.
    if (deletedWithAccount) await noted.insert({ id: name }).catch(unlessTaken);
    else await noted.remove(name);
  }
  return [...names].filter((name) => !types.has(name));
}

function unlessTaken(error: unknown): void {
  if (!(error instanceof Taken)) throw error;
}
