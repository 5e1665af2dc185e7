import { defineType, is } from 'latchkey';
import { z } from 'zod';

/**
 * A data type: its name and its fields, each with what it may hold (https://zod.dev). To each row are added
 * its `id`, `createdAt` and `modifiedAt` (epoch seconds), and `createdBy` (the id of the account whose token made it).
 */
export const transaction = defineType({
  name: 'transaction',
  description: 'Money that moved on an account',
  fields: {
    account: z.string(),
    phone: z.string(),
    /** Whole cents, which can be added and compared exactly. */
    amount_cents: z.int(),
  },
  // Who may do what with a record; what no rule gives, nobody may. A service that you make as an admin passes them.
  rules: (record, caller) => [
    {
      name: 'Whoever made it',
      when: is(record.createdBy, caller.account),
      find: true,
      view: true,
      constrain: true,
      create: true,
    },
  ],
});
