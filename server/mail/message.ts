import { z } from 'zod';
import { declare } from '../../adapters/port.ts';
import { DAY_SECONDS } from '../ground/time.ts';

/** A mail on its way. `id` also makes its Message-ID, so a doubled send is one message to a reader. */
export const messageSchema = z.strictObject({
  id: z.string(),
  to: z.string(),
  subject: z.string(),
  /** Both bodies are blanked once the mail is sent: they may hold a link that opens something. */
  text: z.string(),
  html: z.string(),
  /**
   * Which mails it waits among: `link` are those that somebody waits for at a page, `own` are our others, about
   * people's accounts, and each of the two goes before all behind it; those that workflows send are under the id of the account that called, or `anyone`. Absent in rows of an older version.
   */
  queue: z.string().optional(),
  createdAt: z.number(),
  /** Not before this time; each claim moves it on, as the sender's lease. Absent once sent or given up. */
  dueAt: z.number().optional(),
  /** The same time while it is claimed, and absent else. */
  claimEndsAt: z.number().optional(),
  attempts: z.number(),
  sentAt: z.number().optional(),
  /** Set when it was given up after the last attempt. */
  failedAt: z.number().optional(),
  /** When the mail server last said that it does not take this one: never, or not while its mailbox is as it is. */
  refusedAt: z.number().optional(),
  /** What the last attempt failed of, without addresses. */
  error: z.string().optional(),
});

export type Message = z.infer<typeof messageSchema>;

/** So long a mail that was sent or given up stays, for who asks what became of it; who gave up may try again. */
const ENDED_MAIL_SECONDS = 30 * DAY_SECONDS;

export const messageDeclaration = declare<Message>({
  name: 'outbox',
  schema: messageSchema,
  indexes: [
    ['dueAt'],
    ['queue', 'dueAt'],
    ['attempts', 'dueAt'],
    ['claimEndsAt'],
    ['sentAt'],
    ['failedAt'],
    // What whoever runs the app looks for: the mails to one address (up to 20 µs more for each mail that is written), and
    // those that failed of the same.
    ['to', 'createdAt'],
    ['error', 'failedAt'],
  ],
  expires: { sentAt: ENDED_MAIL_SECONDS, failedAt: ENDED_MAIL_SECONDS },
});
