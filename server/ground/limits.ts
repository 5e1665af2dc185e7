import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from './time.ts';

/** The store has it, which knows nothing of what stands here. */
export { SEARCH_SECONDS_MAX } from '../../adapters/port.ts';

/**
 * The limits that people are told of. Whatever prints one (a page, a mail, a hint) takes it from here, where
 * what enforces it takes it too; a test holds README and docs to it. A limit that only its own file prints, or
 * nobody, stays in that file.
 */

/** NIST SP 800-63B section 5.1.1.2: at least 8; long enough for any phrase; both in Unicode characters. */
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_LENGTH_MAX = 128;

/** Fits a table row and a mail's subject. */
export const NAME_LENGTH_MAX = 80;
/** On pages, in mails and on consent. */
export const APP_NAME_LENGTH_MAX = 60;
/** A sentence or three. */
export const NOTE_LENGTH_MAX = 500;

/** Mail may be read tomorrow. */
export const SIGN_UP_LINK_SECONDS = 24 * HOUR_SECONDS;
/** The link on the console that makes the first admin: who starts a server comes back to it within a day. */
export const INVITATION_SECONDS = 24 * HOUR_SECONDS;
/** An invitation waits for somebody who did not ask for it. */
export const MAILED_INVITATION_SECONDS = 7 * DAY_SECONDS;
/** Who asks for a new password is waiting for the mail; a link that lies about opens the account. */
export const RESET_LINK_SECONDS = 30 * MINUTE_SECONDS;
/** A portal link, and the session of who opened one. */
export const PORTAL_LINK_SECONDS = 5 * MINUTE_SECONDS;
export const PORTAL_SESSION_SECONDS = HOUR_SECONDS;
/** How long after its end a visit by a portal link is remembered, so that whoever comes back is led to the app and not to a sign-in. */
export const PORTAL_OVER_SECONDS = DAY_SECONDS;
/** What an app knows a person by: some use an address, or a hash. */
export const EXTERNAL_ID_LENGTH_MAX = 200;
/** Two weeks: who comes each week is not asked again. Whether the engine or one of our pages writes it. */
export const SESSION_SECONDS = 14 * DAY_SECONDS;
/** How long a device that nobody signs in with is known: as long as browsers keep a cookie. */
export const DEVICE_DAYS = 400;
/** So many calls and so many changes, the newest, go into what somebody takes out of their account. */
export const ENTRIES_TAKEN_MAX = 10_000;
/** How long after a sign-in a person may mint, link and delete without proving themselves again. */
export const FRESH_SIGN_IN_SECONDS = 5 * MINUTE_SECONDS;

/** Life of a personal access token where the owner's settings and the person say nothing else: a quarter. */
export const TOKEN_DAYS_DEFAULT = 90;
/** The longest that the owner's settings may allow: a year, and time to notice. */
export const TOKEN_DAYS_MAX = 400;
/** How long calls, changes and dead credentials are kept where the settings say nothing: a year, and time to look. */
export const RETENTION_DAYS_DEFAULT = 400;
/** Longer than any record of it has to be kept. */
export const RETENTION_DAYS_MAX = 3660;
/** What one account may pile up. */
export const LIVE_TOKENS_MAX = 100;
/** Enough for the offices and machines that one script runs in. */
export const IP_RANGES_MAX = 20;
/** The longest that a token may lie unused where it ends for that: once a year is the rarest use. */
export const IDLE_DAYS_MAX = 370;
/** Its owner is mailed a fifth of that time before, and so many days at most. */
export const IDLE_WARNING_DAYS_MAX = 7;
/** Bounds of one token, over all its workflows. */
export const BOUNDS_MAX = 20;
/** Who wants more calls a day wants no bound. */
export const CALLS_A_DAY_MAX = 1_000_000;
/** Names under which one service may have a live token of one account, beside the account's own tokens. */
export const ISSUED_NAMES_MAX = 10;
/** What one account may have live at a time: one for each third-party service that it uses. */
export const LIVE_SERVICES_MAX = 50;
/** What one account may register; a developer has a handful. */
export const LIVE_APPS_MAX = 50;

/** Enough for an app with a few hosts and its test machines. */
export const REDIRECT_URIS_MAX = 10;

/** Time to copy what is shown this once; until then it can be looked at again in the same browser. */
export const SHOWN_ONCE_SECONDS = 5 * MINUTE_SECONDS;

/** Imported keys, whatever their form: shorter ones could be guessed, longer ones no header should have. */
export const IMPORTED_KEY_LENGTH_MIN = 16;
export const IMPORTED_KEY_LENGTH_MAX = 500;
/** Keys in one call that imports some. */
export const KEYS_IMPORTED_MAX = 1000;

/** Notes of the owner's own on a token or an account, which go with each introspection. */
export const METADATA_KEYS_MAX = 20;
export const METADATA_VALUE_LENGTH_MAX = 200;

/** Two are enough to change over without a gap; a few more for several machines. */
export const LIVE_SECRETS_MAX = 5;
/** A secret that opens everything must be looked at again each quarter. */
export const ADMIN_SECRET_DAYS_MAX = 90;
/** The use of a service as an admin is shown for so long, and counted among so many calls: a look, not a search. */
export const ADMIN_USE_DAYS = 30;
export const ADMIN_USE_CALLS_MAX = 1000;
/** So many days before a token or secret ends its owner is reminded. */
export const REMINDER_DAYS: readonly number[] = [90, 30, 7, 1];
/** A review names what was not used for so long, and what never was since it was made so long ago. */
export const REVIEW_UNUSED_DAYS = 30;
export const REVIEW_NEVER_USED_DAYS = 7;
/** It names what lives longer than half a year, and what ends before the next review. */
export const REVIEW_LONG_DAYS = 180;
export const REVIEW_EXPIRING_DAYS = 30;
/** Who is away for a week has another one; what nobody answers by then is closed. */
export const REVIEW_ANSWER_SECONDS = 14 * DAY_SECONDS;

/** Longer than this, nobody remembers that two secrets are live. */
export const OVERLAP_DAYS_MAX = 30;
/** Where nothing is chosen: a working day to put the new value in its place. */
export const OVERLAP_SECONDS_DEFAULT = DAY_SECONDS;

/** "Last used" is exact to this: a finer one would be a write for every call. */
export const LAST_USED_SECONDS = MINUTE_SECONDS;

/** Before a token is revoked its owner sees what it was used for in so many days: what comes monthly is among it. */
export const USED_DAYS = 30;

/** What charts of everybody show, this hour or day among them: of a day its hours, of a week and a month their days. */
export const OVERVIEW_STEPS = { day: 24, week: 7, month: 30 } as const;
/** How long calls take is counted up to each of these, and beyond the last. */
export const LATENCY_BOUNDS_MS: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000];

/** Days, today among them, that the activity is looked at over. */
export const PERIOD_DAYS: readonly number[] = [7, 30, 90];
/** Entries of the activity in one file: what a spreadsheet shows well, and a fraction of a second of work. */
export const DOWNLOADED_ENTRIES_MAX = 10_000;

/** An ID token is exchanged right after the sign-in that it tells of; what lies about longer may have been found. */
export const ID_TOKEN_AGE_SECONDS = 5 * MINUTE_SECONDS;
/** Access token of an app, beside which there is a refresh token. */
export const APP_TOKEN_SECONDS = HOUR_SECONDS;
/** Access token of a service, which gets another one whenever it likes. */
export const SERVICE_TOKEN_SECONDS = 10 * MINUTE_SECONDS;
/** RFC 6749 section 4.1.2 wants at most 10 minutes; the app's server redeems it at once. */
export const AUTHORIZATION_CODE_SECONDS = MINUTE_SECONDS;
/** From one use to the next. */
export const REFRESH_TOKEN_SECONDS = 30 * DAY_SECONDS;
/** So long a refresh token is replaced at each use (oidc-provider's own default); the last one ends its line. */
export const REFRESH_LINE_SECONDS = 365 * DAY_SECONDS;

/**
 * A refresh token that was just used may be used again for this long: two honest requests that cross, or an
 * answer that got lost. After it, use of a used token is a theft and ends the whole grant (RFC 9700, 4.14.2).
 */
export const REFRESH_GRACE_SECONDS = 5;

/** Koa and the engine take ever longer for each parameter of a query; the largest form of ours has about twenty. */
export const QUERY_PARAMETERS_MAX = 100;
/** Enough for the parameters of a call; the body is held in memory whole. */
export const API_BODY_BYTES_MAX = 1024 * 1024;
/** All files of one call; they are held in memory whole, and in JSON a third larger. */
export const UPLOAD_BYTES_MAX = 20_000_000;
/** Callers and proxies give up at about a minute; what takes longer belongs into a job. */
export const WORKFLOW_SECONDS_MAX = 30;
/** What a run may hold in memory, buffers and what is not yet collected among it. */
export const WORKFLOW_MEGABYTES_MAX = 256;
/** So many runs at a time; others wait for one of them to end. */
export const WORKFLOW_PROCESSES_MAX = 8;
/** So many wait, and so long; who comes then is told to come again. */
export const WORKFLOW_RUNS_WAITING_MAX = 100;
export const WORKFLOW_WAIT_SECONDS_MAX = 5;
/** Of runs that meet at the same records. Nearly all take less; one that takes longer goes on without its turn. */
export const RECORD_TURN_SECONDS_MAX = 2;
/** What schemas of the owner's check takes microseconds. In this time nobody else is answered. */
export const SCHEMA_CHECK_MS_MAX = 500;
/** Records that one `find` of a run gives at most. */
export const WORKFLOW_FOUND_MAX = 1000;
/** Characters of the records that one `find` of a run may read, and of what it asks with. */
export const WORKFLOW_FOUND_CHARACTERS_MAX = 8 * 1024 * 1024;
export const WORKFLOW_ASKED_CHARACTERS_MAX = 256 * 1024;
/** Characters of the answer of a run as JSON: the server holds it whole until its caller has read it. Twice what one `find` may read. */
export const WORKFLOW_ANSWER_CHARACTERS_MAX = 2 * WORKFLOW_FOUND_CHARACTERS_MAX;
/** So often a run begins where others are quicker to change what it changes. */
export const WORKFLOW_ATTEMPTS_MAX = 5;
/** Records on one page of the Data API; many at once come line by line. */
export const RECORDS_PAGE_MAX = 100;
/** Characters of all of them as JSON: a page of long records ends earlier. */
export const RECORDS_PAGE_CHARACTERS_MAX = 2 * 1024 * 1024;
/** Where a page may begin: whatever stands before it is read and passed over. */
export const RECORDS_CURSOR_MAX = 50_000;
/** A list is narrowed down by so many constraints at most: each is a part of one query of the database. */
export const CONSTRAINTS_MAX = 20;
/** Values in the list of one constraint, and characters in one of its texts. */
export const CONSTRAINT_VALUES_MAX = 100;
export const CONSTRAINT_TEXT_LENGTH_MAX = 1000;
/** Fields that a list is sorted by. */
export const SORT_FIELDS_MAX = 5;
/** Records in one bulk call, and bytes of all of them: seconds of work for the store. */
export const BULK_LINES_MAX = 1000;
export const BULK_BYTES_MAX = 4 * 1024 * 1024;
/** So often a change of a record is tried where others are quicker each time. */
export const RECORD_ATTEMPTS_MAX = 5;
/** So many mails of one caller's workflows may wait; more would only come late, and fill the outbox. */
export const MAILS_WAITING_MAX = 1000;

/** Values in one report of leaks. */
export const LEAKS_REPORTED_MAX = 1000;

/** How long a stop takes, and how long what is under way then may take to be answered. */
export const STOP_SECONDS_MAX = 5;
export const STOP_ANSWERED_SECONDS_MAX = 4;

/** As long as each key that is derived from the server's secret. */
export const SERVER_SECRET_BYTES_MIN = 32;
/** So many mails are sent again by one act of an admin: seconds of work for the store. */
export const MAILS_RETRIED_MAX = 10_000;
/** The days for which the console says how often each workflow was called. */
export const WORKFLOW_COUNT_DAYS = 30;

/** Records are counted so far where rules are explained: it takes a moment, and beyond it nobody reads the number. */
export const RECORDS_COUNTED_MAX = 10_000;

/** So many of everybody's tokens and secrets an admin chooses for one act. */
export const CHOSEN_TOKENS_MAX = 100;

/** What everybody's things are searched for: no e-mail address and no id is longer. */
export const SEARCH_LENGTH_MAX = 254;
