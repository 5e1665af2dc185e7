import { z } from 'zod';
import type { MailedInvitation } from '../../accounts/mailed-invitations.ts';
import { isoTime } from '../../ground/time.ts';
import { managerFrom } from '../../management/reason.ts';
import { bodyOf, type ManagementEndpoint, pageAskedBy, queryOf } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const listQuery = z.strictObject({
  cursor: z.string().max(400).optional(),
  limit: z.string().optional(),
});
const inviteBody = z.strictObject({ email: z.string(), reason: z.string() });
const reasonBody = z.strictObject({ reason: z.string() });

/** `/invitations…`: who is mailed a link to make an account. */
export function invitationEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { mailedInvitations, invitationList } = parts;
  return [
    {
      method: 'GET',
      path: '/invitations',
      async answer({ ctx }) {
        const { rows, next } = await invitationList.list(pageAskedBy(queryOf(ctx, listQuery)));
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
    created_at: createdAt,
    created: isoTime(createdAt),
    expires_at: expiresAt,
    expires: isoTime(expiresAt),
  };
}
