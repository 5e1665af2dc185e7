import type { Collection } from '../../adapters/port.ts';
import type { MailedInvitation } from '../accounts/mailed-invitations.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch } from '../ground/errors.ts';
import { type PageAsked, type PageOf, pageByKey } from './by-key.ts';

type Parts = { mailedInvitations: Collection<MailedInvitation>; clock: Clock };

/** The invitations by mail that are open, for admins. */
export function createInvitationList({ mailedInvitations, clock }: Parts) {
  return {
    /** One page, those that end last first. Throws Problem 400. */
    list(page: PageAsked): Promise<PageOf<MailedInvitation>> {
      const where = [['expiresAt', '>', clock()] as const];
      return pageByKey(mailedInvitations, page, { where, order: { by: 'expiresAt', descending: true } });
    },

    /** One that is open. Throws Problem 404. */
    async get(id: string): Promise<MailedInvitation> {
      const row = await mailedInvitations.get(id);
      if (row === undefined || row.expiresAt <= clock()) throw noSuch('invitation');
      return row;
    },
  };
}
