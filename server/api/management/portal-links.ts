import { z } from 'zod';
import { PORTAL_PAGES } from '../../access/portal-links.ts';
import { PORTAL_LINKS } from '../../credentials/scopes.ts';
import { timesOf } from '../times.ts';
import { bodyOf, type ManagementEndpoint } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const linkBody = z.strictObject({
  email: z.string().optional(),
  external_id: z.string().optional(),
  name: z.string().optional(),
  page: z.enum(PORTAL_PAGES).default('tokens'),
  prefill: z
    .strictObject({ name: z.string().default(''), scopes: z.array(z.string()).default([]) })
    .optional(),
  return_url: z.string(),
});

/** `/portal-links`: sends a user of an app that signs its users in by itself to their own pages here. */
export function portalLinkEndpoints({ portalLinks }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'POST',
      path: '/portal-links',
      needs: PORTAL_LINKS,
      async answer({ ctx, actor, caller }) {
        const { external_id: externalId, return_url: returnUrl, ...rest } = await bodyOf(ctx, linkBody);
        const wanted = { ...rest, externalId, returnUrl };
        const { url, expiresAt, account } = await portalLinks.create(wanted, actor, caller.account.id);
        return { url, account_id: account.id, ...timesOf('expires', expiresAt) };
      },
    },
  ];
}
