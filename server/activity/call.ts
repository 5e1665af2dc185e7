import { z } from 'zod';
import { declare } from '../../adapters/port.ts';

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
  requestId: z.string(),
  /** Set when an admin token was used, which privacy rules do not hold back. */
  privacyBypassed: z.boolean().optional(),
});

export type Call = z.infer<typeof callSchema>;

/**
 * A call that changed something waits for its own durable write; the entry survives the process, see port.ts.
 */
export const callDeclaration = declare<Call>({
  name: 'calls',
  schema: callSchema,
  indexes: [['accountId', 'at']],
  durability: 'process',
});

/** Entries that were kept by one write, until they are spread over `calls`, see recorder.ts. */
export const callBatchSchema = z.strictObject({
  /** That of the first entry, so that they list in the order they were kept. */
  id: z.string(),
  entries: z.array(callSchema),
});

export type CallBatch = z.infer<typeof callBatchSchema>;

export const callBatchDeclaration = declare<CallBatch>({
  name: 'call_batches',
  schema: callBatchSchema,
  durability: 'process',
});
