import { defineWorkflow, oneLine } from 'latchkey';
import { z } from 'zod';
import { transaction } from '../types/transaction.ts';

/** Money is counted in whole cents: as a fraction, 0.1 + 0.2 is not 0.3. */
const CENTS_MAX = 100_000_000_000;
const centsOf = (amount: number) => Math.round(amount * 100);
/** 4990 → "49.90" */
const written = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;

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
      schema: oneLine(100),
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
      // A call sends 49.9, `run` gets 4990.
      schema: z
        .number()
        .refine((amount) => centsOf(amount) / 100 === amount, { error: 'expected at most two decimals' })
        .transform(centsOf)
        .pipe(
          z
            .int()
            .positive()
            .max(CENTS_MAX, { error: `expected at most ${CENTS_MAX / 100}` }),
        ),
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

  // Records and mails are staged: they happen together once `run` has returned, or, if it throws, not at all. To
  // turn a call down, throw `refusal(message, hint)` from 'latchkey'.
  run({ parameters, caller, data, mail }) {
    const { account, phone, amount: cents } = parameters;
    const stored = data.transaction.create({ account, phone, amount_cents: cents });
    const amount = written(cents);
    mail.send({
      to: caller.email,
      subject: `Transaction of ${amount} on ${account}`,
      text: [
        `A transaction was recorded with your token.`,
        `Account: ${account}\nPhone: ${phone}\nAmount: ${amount}\nTransaction: ${stored.id}`,
      ].join('\n\n'),
    });
    return {
      transaction_id: stored.id,
      account,
      phone,
      amount: Number(amount),
      created_at: new Date(stored.createdAt * 1000).toISOString(),
    };
  },
});
