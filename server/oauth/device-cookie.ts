import type { Context } from 'koa';
import type { KnownDevices } from '../access/known-devices.ts';
import type { Account } from '../accounts/account.ts';
import { DEVICE_DAYS } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { readCookie, writeCookie } from '../http/cookies.ts';
import { addressOf, requestIdOf } from '../http/request.ts';

/** As it is written: 32 random bytes, base64url. */
const COOKIE_VALUE = /^[\w-]{43}$/;

export type NoteDevice = ReturnType<typeof createDeviceNotes>;

/**
 * Notes with which device somebody just proved who they are, by a cookie that outlives sessions. It opens nothing: who
 * has it is not asked less, only not told of.
 */
export function createDeviceNotes(parts: {
  knownDevices: Pick<KnownDevices, 'note'>;
  settings: Pick<Settings, 'production'>;
}) {
  const { production } = parts.settings;
  const name = `${production ? '__Host-' : ''}latchkey_device`;

  return async (ctx: Context, account: Account): Promise<void> => {
    const sent = readCookie(ctx, name);
    const value = await parts.knownDevices.note({
      account,
      userAgent: ctx.get('user-agent'),
      from: addressOf(ctx),
      requestId: requestIdOf(ctx),
      cookie: COOKIE_VALUE.test(sent) ? sent : '',
    });
    writeCookie(ctx, { name, value, maxAgeSeconds: DEVICE_DAYS * DAY_SECONDS, secure: production });
  };
}
