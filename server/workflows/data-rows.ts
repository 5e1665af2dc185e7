import { z } from 'zod';
import { type Collection, type Declaration, declare, type Store } from '../../adapters/port.ts';
import type { DataType } from './workflow.ts';

/** A row of a declared data type: its own fields stand beside these. */
export type DataRow = { id: string; createdAt: number; createdBy?: string | undefined };

/**
 * The collection of a declared type. Its fields are checked against the type when a row is staged, and
 * not again when it is written: a run that has happened must not fail because config/ changed meanwhile.
 */
export function rowDeclarationOf(type: DataType): Declaration<DataRow> {
  const own = { id: z.string(), createdAt: z.number(), createdBy: z.string().optional() };
  const declared = Object.fromEntries(
    Object.keys(type.fields).map((field) => [field, z.unknown().optional()]),
  );
  return declare<DataRow>({
    name: `data_${type.name}`,
    schema: z.strictObject({ ...declared, ...own }) as unknown as Declaration<DataRow>['schema'],
    indexes: [['createdBy', 'createdAt']],
  });
}

/** The collection of each of these types, by the type's name. */
export async function openDataRows(
  store: Store,
  types: Iterable<DataType>,
): Promise<ReadonlyMap<string, Collection<DataRow>>> {
  const collections = new Map<string, Collection<DataRow>>();
  for (const type of types) collections.set(type.name, await store.collection(rowDeclarationOf(type)));
  return collections;
}
