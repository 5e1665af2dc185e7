import { z } from 'zod';
import { is } from '../../server/data/expressions.ts';
import { defineWorkflow } from '../../server/workflows/workflow.ts';

/** The workflow that ships, and a good call of it. */
export const TRANSACTION = '/api/1.1/wf/create_transaction';
export const CALL = { account: 'savings', phone: '+358401234567', amount: 12.5 };

/** Rules of a type: whoever made a record may do everything with it. */
export const toItsMaker = (
  record: { createdBy: Parameters<typeof is<string>>[0] },
  caller: { account: Parameters<typeof is<string>>[1] },
) => [
  {
    name: 'Whoever made it',
    when: is(record.createdBy, caller.account),
    find: true,
    view: true,
    constrain: true,
    create: true,
    change: true,
    delete: true,
  } as const,
];

/** A workflow that needs no token. */
export const openDoor = defineWorkflow({
  name: 'open_door',
  description: 'Say who is there',
  method: 'GET',
  callers: 'anyone',
  parameters: {
    times: { schema: z.number().int().max(3).default(1), description: 'How often', example: 2 },
    loud: { schema: z.boolean().optional(), description: 'Whether loud', example: true },
  },
  returns: z.object({ who: z.string(), times: z.number(), loud: z.boolean() }),
  run: ({ caller, parameters }) => ({
    who: caller?.email ?? 'nobody',
    times: parameters.times,
    loud: parameters.loud ?? false,
  }),
});
