import { defineType, is } from 'latchkey';
import { z } from 'zod';

export const note = defineType({
  name: 'note',
  // People read this; say what a record is.
  description: 'A note',
  // What a record holds (https://zod.dev). Each has id, createdAt, createdBy and modifiedAt by itself.
  fields: {
    title: z.string().min(1).max(200),
    text: z.string().max(10_000).optional(),
  },
  // Who may do what with a record. What no rule gives, nobody may.
  rules: (record, caller) => [
    {
      name: 'Whoever made it',
      when: is(record.createdBy, caller.account),
      find: true,
      view: true,
      constrain: true,
      create: true,
      change: ['title', 'text'],
      delete: true,
    },
  ],
});
