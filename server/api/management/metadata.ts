import { z } from 'zod';
import { bodyOf, type ManagementEndpoint } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const metadataBody = z.strictObject({ metadata: z.unknown() });

/** `/tokens/ID/metadata`, `/accounts/ID/metadata`: notes of the owner's own, which introspection and workflows are given. */
export function metadataEndpoints({ metadata }: ManagementDependencies): ManagementEndpoint[] {
  const kinds = [
    ['/tokens/:id/metadata', metadata.ofToken, metadata.setOfToken],
    ['/accounts/:id/metadata', metadata.ofAccount, metadata.setOfAccount],
  ] as const;
  return kinds.flatMap(([path, read, set]): ManagementEndpoint[] => [
    {
      method: 'GET',
      path,
      answer: async ({ params: { id = '' } }) => ({ id, metadata: await read(id) }),
    },
    {
      method: 'PUT',
      path,
      async answer({ ctx, actor, params: { id = '' } }) {
        const { metadata: sent } = await bodyOf(ctx, metadataBody);
        return { id, metadata: await set(id, sent, actor) };
      },
    },
  ]);
}
