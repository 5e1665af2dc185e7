import { z } from 'zod';
import type { MailedInvitation } from '../../accounts/mailed-invitations.ts';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import { bodyOf, type ManagementEndpoint, pageAskedBy, pageQuery, queryOf, reasonBody } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const inviteBody = reasonBody.extend({ email: z.string() });

/** `/invitations…`: who is mailed a link to make an account. */
export function invitationEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { mailedInvitations, invitationList } = parts;
  return [
    {
      method: 'GET',
      path: '/invitations',
      async answer({ ctx }) {
        const { rows, next } = await invitationList.list(pageAskedBy(ctx, queryOf(ctx, pageQuery)));
        return { items: rows.map(invitationJson), next_cursor: next ?? null };
      },
    },
    {
      method: 'POST',
      path: '/invitations',
      async answer({ ctx, actor }) {
        const { email, reason } = await bodyOf(ctx, inviteBody);
        return invitationJson(await mailedInvitations.invite(email, managerFrom(actor, reason)));
      },
    },
    {
      method: 'POST',
      path: '/invitations/:invitationId/withdraw',
      async answer({ ctx, actor, params }) {
        const { reason } = await bodyOf(ctx, reasonBody);
        const manager = managerFrom(actor, reason);
        const invitation = await invitationList.get(params.invitationId ?? '');
        await mailedInvitations.withdraw(invitation.email, manager);
        return { ...invitationJson(invitation), withdrawn: true };
      },
    },
  ];
}

/** The id is the hash of what was mailed, and opens nothing. */
function invitationJson({ id, email, createdAt, expiresAt }: MailedInvitation) {
  return {
    id,
    email,
    ...timesOf('created', createdAt),
    ...timesOf('expires', expiresAt),
  };
}
