import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
import { entry } from '../types/entry.ts';

/** Stores one record. */
export const workflow = defineWorkflow({
  name: 'store_entry',
  description: 'Store an entry',
  callers: 'account',
  parameters: { book: { schema: z.string(), description: 'The book', example: 'a' } },
  types: { entry },
  returns: z.object({ id: z.string() }),
  run: ({ parameters: { book }, data }) => ({
    id: data.entry.unrestricted.create({ book, state: 'open', text: 'A line', amount_cents: 12 }).id,
  }),
});
