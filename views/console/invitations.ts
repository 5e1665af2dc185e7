import { MAILED_INVITATION_SECONDS } from '../../server/ground/limits.ts';
import { duration } from '../../server/ground/time.ts';
import { type FormProblem, problemAt } from '../form-problem.ts';
import type { Html } from '../html.ts';
import { buttonLink, labelOf } from '../kit/buttons.ts';
import { radioGroup } from '../kit/choices.ts';
import { field } from '../kit/fields.ts';
import { formPage } from '../kit/form-pages.ts';
import { doneNotice } from '../kit/notices.ts';
import { ACTIONS, dataTable } from '../kit/tables.ts';
import { relativeTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { type ListAsked, listPager } from './list.ts';
import { managePage, reasonField } from './reason.ts';

/** An invitation that is open. */
type InvitationView = { id: string; email: string; createdAt: number; expiresAt: number };

const DONE: Record<string, string> = {
  invited: 'The invitation is on its way.',
  withdrawn: 'The invitation is withdrawn: its link opens nothing any more.',
};

/** /admin/invitations */
export function invitationsPage(
  site: Site,
  viewer: Viewer,
  props: {
    invitations: readonly InvitationView[];
    pages: Pick<ListAsked, 'firstUrl' | 'nextUrl'>;
    now: number;
    done: string;
  },
): Html {
  const { invitations, pages, now, done } = props;
  const action = { label: 'Add somebody', url: '/admin/invitations/new' };
  return layout(site, {
    title: 'Open invitations',
    back: { label: 'Accounts', url: '/admin/accounts' },
    lead: 'Who was mailed a link to make an account, and has not used it yet.',
    action: invitations.length === 0 ? undefined : action,
    viewer,
    current: '/admin/accounts',
    body: [
      doneNotice(DONE, done),
      dataTable({
        caption: 'Open invitations',
        columns: ['E-mail', 'Invited', 'Good until', ACTIONS],
        rows: invitations.map(({ id, email, createdAt, expiresAt }) => [
          email,
          relativeTime(createdAt, now),
          relativeTime(expiresAt, now),
          buttonLink(labelOf('Withdraw…', email), `/admin/invitations/${id}/withdraw`),
        ]),
        empty: { title: 'No open invitations', text: 'Whoever you invite is listed here.', action },
      }),
      listPager({ ...pages, isPartial: false }),
    ],
  });
}

/** /admin/invitations/new */
export function addPage(
  site: Site,
  viewer: Viewer,
  props: {
    form: { email: string; name: string; how: string; reason: string };
    problem: FormProblem | undefined;
  },
): Html {
  const { form, problem } = props;
  return formPage(site, viewer, {
    title: 'Add somebody',
    current: '/admin/accounts',
    problem,
    action: '/admin/invitations/new',
    inputs: [
      field({
        label: 'E-mail',
        name: 'email',
        type: 'email',
        value: form.email,
        problem: problemAt(problem, 'email'),
        autocomplete: 'off',
        required: true,
      }),
      radioGroup({
        label: 'How',
        name: 'how',
        value: form.how === 'make' ? 'make' : 'invite',
        options: [
          {
            value: 'invite',
            label: 'Invite them by mail',
            hint: `They get a link that makes their account, once and within ${duration(MAILED_INVITATION_SECONDS)}.`,
          },
          {
            value: 'make',
            label: 'Make the account at once, without a password',
            hint: 'Nobody is mailed. They choose a password by “Forgot password?”, or you send them the link for it.',
          },
        ],
      }),
      field({
        label: 'Name (optional)',
        name: 'name',
        value: form.name,
        hint: 'Of an account that you make at once: what apps that it signs in to may call it.',
        problem: problemAt(problem, 'name'),
        autocomplete: 'off',
      }),
      reasonField(form.reason, problem, 'It is kept with the invitation, or with the account.'),
    ],
    submitLabel: 'Add them',
  });
}

/** Asks once more, and why. */
export function withdrawPage(
  site: Site,
  viewer: Viewer,
  props: { invitation: InvitationView; reason: string; problem: FormProblem | undefined },
): Html {
  const { invitation, reason, problem } = props;
  return managePage(site, viewer, {
    title: `Withdraw the invitation of ${invitation.email}?`,
    consequences: ['The link that it was mailed opens nothing any more. You can invite it again.'],
    action: `/admin/invitations/${invitation.id}/withdraw`,
    confirmLabel: 'Withdraw it',
    current: '/admin/accounts',
    cancelUrl: '/admin/invitations',
    reason,
    problem,
  });
}
