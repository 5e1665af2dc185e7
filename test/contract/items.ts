import { z } from 'zod';
import { declare } from '../../adapters/port.ts';

/** The rows that the contract is tried with: every kind of field that a declaration may have. */
export const itemSchema = z.strictObject({
  id: z.string(),
  label: z.string().optional(),
  code: z.number().optional(),
  group: z.string(),
  size: z.number(),
  rank: z.number().optional(),
  hot: z.boolean().optional(),
  tags: z.array(z.string()).optional(),
  extra: z.record(z.string(), z.unknown()).optional(),
});

export type Item = z.infer<typeof itemSchema>;

export const items = declare<Item>({
  name: 'items',
  schema: itemSchema,
  unique: ['label', 'code'],
  indexes: [['group', 'size'], ['size'], ['rank']],
});

/** The same rows where the last moment may be lost to a power cut. */
export const notes = declare<Item>({ ...items, name: 'notes', durability: 'process' });

/** The same rows as they come through a journal. */
export const logbook = declare<Item>({
  name: 'logbook',
  schema: itemSchema,
  indexes: [['group', 'size']],
  durability: 'process',
  journalled: true,
});

/** A row with what every row must have; `more` adds and overrides. */
export function item(id: string, more: Partial<Item> = {}): Item {
  return { id, group: 'g', size: 1, ...more };
}
