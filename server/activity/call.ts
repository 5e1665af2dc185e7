import { z } from 'zod';
import { declare, type Where } from '../../adapters/port.ts';

/** One API call made with a credential we know. Append-only. */
export const callSchema = z.strictObject({
  id: z.string(),
  /** Epoch seconds. */
  at: z.number(),
  /** The account that the credential belongs to (a service's owner for a service). */
  accountId: z.string(),
  clientId: z.string().optional(),
  /** `token_id`, `token_kind` and `token_name` as introspection gives them. */
  tokenId: z.string(),
  tokenKind: z.string(),
  tokenName: z.string(),
  method: z.string(),
  /** Path without query: queries may hold what people should not have put there. */
  path: z.string(),
  status: z.number(),
  /** `success`, or the code of the Problem. */
  result: z.string(),
  from: z.string(),
  /** How long it took until it was written down here, just before its answer. */
  ms: z.number().optional(),
  requestId: z.string(),
  /** How many calls within a minute it stands for, of which it names the last; absent: one. See refusals.ts. */
  count: z.number().optional(),
  /** Set when it was refused or failed: only such calls pay for the index by which they are found. */
  refused: z.boolean().optional(),
  /** Set when an admin token was used, which privacy rules do not hold back. */
  privacyBypassed: z.boolean().optional(),
  /** Of a call that passed over the rules of a data type: how many of its records they would have kept from the caller. */
  hidden: z.number().optional(),
});

export type Call = z.infer<typeof callSchema>;

/** Written to a journal first, and put in their place many at once: see `Journal` in adapters/port.ts. */
export const callDeclaration = declare<Call>({
  name: 'calls',
  schema: callSchema,
  // What /activity is filtered by: one token, or one client, which may act for many accounts.
  indexes: [
    ['accountId', 'at'],
    ['accountId', 'tokenId', 'at'],
    ['clientId', 'accountId', 'at'],
    ['refused', 'accountId', 'at'],
    // Of everybody. All others are found by their ids, which are in the order of time.
    ['refused', 'at'],
  ],
  durability: 'process',
  journalled: true,
});

/** The calls of one token, or those of one client with whatever it calls. */
export type CallsAbout = { tokenId: string } | { clientId: string };

/** What leads to those calls; without it to all. */
export function callsAbout(about: CallsAbout | undefined): Where<Call> {
  if (about === undefined) return [];
  return 'tokenId' in about ? [['tokenId', '=', about.tokenId]] : [['clientId', '=', about.clientId]];
}

/** The same, of a call that is at hand. */
export function isAbout(about: CallsAbout): (call: Call) => boolean {
  return (call) => ('tokenId' in about ? call.tokenId === about.tokenId : call.clientId === about.clientId);
}
