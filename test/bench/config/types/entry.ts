import { defineType, is, or } from 'latchkey';
import { z } from 'zod';

/** What the lists of the bench are of. */
export const entry = defineType({
  name: 'entry',
  description: 'An entry of a book',
  fields: { book: z.string(), state: z.enum(['open', 'closed']), text: z.string(), amount_cents: z.int() },
  indexes: [['book']],
  rules: (record, caller) => [
    {
      name: 'Open ones, and those of whoever made them',
      when: or(is(record.createdBy, caller.account), is(record.state, 'open')),
      find: true,
      view: true,
      constrain: true,
    },
  ],
});
