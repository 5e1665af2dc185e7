import { z } from 'zod';
import { defineType } from '../../server/workflows/workflow.ts';

/**
 * A data type: its name and its fields, each with what it may hold (https://zod.dev). To each row are added
 * its `id`, `createdAt` (epoch seconds) and `createdBy` (the id of the account whose token made it).
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
});
