import { defineWorkflow, oneLine, refusal } from 'latchkey';
import { z } from 'zod';
import { note } from '../types/note.ts';

export const workflow = defineWorkflow({
  name: 'add_note',
  description: 'Write a note',
  callers: 'account',
  parameters: {
    title: { schema: oneLine(200), description: 'What it is about', example: 'Groceries' },
    text: { schema: z.string().max(10_000).optional(), description: 'The note itself', example: 'Milk' },
  },
  types: { note },
  returns: z.object({ note_id: z.string() }),
  // What run stores and mails happens when it has returned, all of it or nothing.
  async run({ parameters, data }) {
    const same = await data.note.count({ where: [['title', '=', parameters.title]] });
    if (same > 0) throw refusal('You have a note of that title.', 'Choose another title.');
    const stored = data.note.create(parameters);
    return { note_id: stored.id };
  },
});
