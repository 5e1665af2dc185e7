import { z } from 'zod';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { transaction } from '../types/transaction.ts';

/**
 * A workflow: one file here is one operation that every user of your app can call with a token of their
 * own, at POST /api/1.1/wf/create_transaction. Copy this file to make the next one.
 */
export const workflow = defineWorkflow({
  name: 'create_transaction',
  // People read this when they make a token and when they allow an app.
  description: 'Record a transaction and send you its receipt by e-mail',
  // Who may call it: 'anyone' (no token), 'account' (any user's token with the scope
  // wf:create_transaction) or 'admin' (only tokens with the scope admin).
  callers: 'account',

  // What a caller sends. Wrong and missing values never reach `run`. Each is read from the JSON or form body;
  // `in: 'query'` or `in: 'either'` says otherwise. The examples fill the ready-made calls on the token page.
  parameters: {
    account: {
      schema: z
        .string()
        .trim()
        .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u, { error: 'expected 1 to 100 characters on one line' }),
      description: 'The account that the money moves on',
      example: 'savings',
    },
    phone: {
      schema: z.string().regex(/^\+?[0-9(][0-9 ().-]{2,29}$/, {
        error: 'expected a phone number like +358 40 123 4567',
      }),
      description: 'Phone number of the other party',
      example: '+358 40 123 4567',
    },
    amount: {
      schema: z
        .number()
        .positive()
        .max(1_000_000_000)
        .multipleOf(0.01, { error: 'expected at most two decimals' }),
      description: 'How much, with at most two decimals',
      example: 49.9,
    },
  },

  // The data types it stores: they come to `run` as `data`.
  types: { transaction },

  returns: z.object({
    transaction_id: z.string(),
    account: z.string(),
    phone: z.string(),
    amount: z.number(),
    /** ISO 8601. */
    created_at: z.string(),
  }),

  // Rows and mails are staged: they happen together once `run` has returned, or, if it throws, not at all. To
  // turn a call down, throw `refusal(message, hint)` from server/workflows/workflow.ts.
  run({ parameters, caller, data, mail }) {
    const { account, phone, amount } = parameters;
    const stored = data.transaction.create({ account, phone, amount });
    mail.send({
      to: caller.email,
      subject: `Transaction of ${amount.toFixed(2)} on ${account}`,
      text: [
        `A transaction was recorded with your token.`,
        `Account: ${account}\nPhone: ${phone}\nAmount: ${amount.toFixed(2)}\nTransaction: ${stored.id}`,
      ].join('\n\n'),
    });
    return {
      transaction_id: stored.id,
      account,
      phone,
      amount,
      created_at: new Date(stored.createdAt * 1000).toISOString(),
    };
  },
});
