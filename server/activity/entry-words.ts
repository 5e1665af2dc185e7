import type { AuditEntry } from './audit.ts';
import type { Call } from './call.ts';

/** What changed, in words. */
const CHANGES: Record<string, string> = {
  'account.access_ended': 'All access ended',
  'account.created': 'Account made',
  'account.created_as_admin': 'Account made, as an admin',
  'account.data_taken': 'Data taken out',
  'account.deleted': 'Account deleted',
  'account.external_id_set': 'Named by an id of the app',
  'account.metadata_set': 'Metadata of the account set',
  'account.name_changed': 'Name changed',
  'access_token.leaked': 'Access token of an app or service reported as leaked, and revoked',
  'account.demoted': 'No longer an admin',
  'account.password_changed': 'Password changed',
  'account.promoted': 'Made an admin',
  'account.reset_link_made': 'Link to choose a new password made',
  'account.sessions_ended': 'All sessions ended',
  'account.restored': 'Account restored',
  'account.sign_in_refused': 'Sign-in refused',
  'account.signed_in': 'Signed in',
  'account.suspended': 'Account suspended',
  'app.allowed': 'App allowed',
  'app.changed': 'App changed',
  'app.cut_off': 'App cut off from everybody',
  'app.deleted': 'App deleted',
  'app.ended': 'App cut off',
  'app.registered': 'App made',
  'data.looked_at': 'Record looked at, as an admin',
  'data.touched': 'Data of the account written',
  'honey.created': 'Honey token made',
  'honey.used': 'Honey token used',
  'identity.linked': 'Way to sign in added',
  'identity.unlinked': 'Way to sign in removed',
  'mail.retried': 'Mail sent again',
  'invitation.made': 'Invitation mailed',
  'invitation.withdrawn': 'Invitation withdrawn',
  'portal.opened': 'Signed in to one page by an app',
  'review.answered': 'Review answered',
  'session.ended': 'Session ended',
  'session.new_device': 'Sign-in from a new device',
  'secret.created': 'Secret made',
  'secret.leaked': 'Secret reported as leaked, and revoked',
  'secret.revoked': 'Secret revoked',
  'secret.rotated': 'Secret rotated',
  'service.changed': 'Service changed',
  'service.created': 'Service made',
  'service.paused': 'Service paused',
  'service.resumed': 'Service resumed',
  'service.revoked': 'Service revoked',
  'token.imported': 'Key imported',
  'token.metadata_set': 'Metadata of a token set',
  'token.changed': 'Token changed',
  'token.created': 'Token made',
  'token.idle': 'Token ended: nothing used it',
  'token.leaked': 'Token reported as leaked, and revoked',
  'token.paused': 'Token paused',
  'token.narrowed': 'Token narrowed otherwise',
  'token.replaced': 'Token replaced',
  'token.resumed': 'Token resumed',
  'token.revoked': 'Token revoked',
  'token.rotated': 'Token rotated',
};

/** The results that are asked for by a choice. */
const RESULTS = [
  { value: '', label: 'Any result' },
  { value: 'success', label: 'Success' },
  { value: 'refused', label: 'Refused' },
  { value: 'failed', label: 'Failed' },
];

/** The choices of results: a code that is asked for is one of them. */
export function resultsFor(result: string): typeof RESULTS {
  const isKnown = RESULTS.some(({ value }) => value === result);
  return isKnown ? RESULTS : [...RESULTS, { value: result, label: `Refused or failed: ${wordsOf(result)}` }];
}

/** The changes that there are words for, in the order of those. */
export function changesByName(): { value: string; label: string }[] {
  return Object.entries(CHANGES)
    .map(([value, label]) => ({ value, label }))
    .sort((one, other) => one.label.localeCompare(other.label, 'en'));
}

/** What changed, how often within a minute: `Sign-in refused, 3 times within a minute`. */
export function changeInWords({ action, count = 1 }: Pick<AuditEntry, 'action' | 'count'>): string {
  const times = count === 1 ? '' : `, ${count.toLocaleString('en')} times within a minute`;
  return `${CHANGES[action] ?? wordsOf(action)}${times}`;
}

/** `Success`; `Refused`, because of `missing data (400)`. */
export function resultOf(call: Call) {
  if (call.status < 400) return { succeeded: true, result: 'Success' };
  const times = call.count === undefined ? '' : `, ${call.count.toLocaleString('en')} calls within a minute`;
  const reason = `${wordsOf(call.result)} (${call.status})${times}`;
  return { succeeded: false, result: call.status < 500 ? 'Refused' : 'Failed', reason };
}

/** A code as people read it: `missing data`. */
export function wordsOf(code: string): string {
  return code.toLowerCase().replace(/[._]/g, ' ');
}
