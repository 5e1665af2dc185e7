import type { Context } from 'koa';
import type { KnownDevices } from '../access/known-devices.ts';
import type { Account } from '../accounts/account.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { SignInRecord } from '../activity/sign-ins.ts';
import { DEVICE_DAYS } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { readCookie, writeCookie } from '../http/cookies.ts';
import { actorOf, addressOf, requestIdOf } from '../http/request.ts';

/** As it is written: 32 random bytes, base64url. */
const COOKIE_VALUE = /^[\w-]{43}$/;

export type NoteDevice = ReturnType<typeof createDeviceNotes>;

/**
 * Notes with which device somebody just proved who they are, by a cookie that outlives sessions. It opens nothing: who
 * has it is not asked less, only not told of. The sign-in stands in the activity of the account.
 */
export function createDeviceNotes(parts: {
  knownDevices: Pick<KnownDevices, 'note'>;
  signIns: Pick<SignInRecord, 'succeeded'>;
  settings: Pick<Settings, 'production' | 'google'>;
}) {
  const { production, google } = parts.settings;
  const name = `${production ? '__Host-' : ''}latchkey_device`;

  function howOf(amr: readonly string[]): string {
    if (!amr.includes('fed')) return 'With a password';
    return `With ${google === undefined ? 'an identity provider' : providerNameOf(google.issuer, google)}`;
  }

  return async (
    ctx: Context,
    { account, amr }: { account: Account; amr: readonly string[] },
  ): Promise<void> => {
    const sent = readCookie(ctx, name);
    const value = await parts.knownDevices.note({
      account,
      userAgent: ctx.get('user-agent'),
      from: addressOf(ctx),
      requestId: requestIdOf(ctx),
      cookie: COOKIE_VALUE.test(sent) ? sent : '',
    });
    await parts.signIns.succeeded(account, howOf(amr), actorOf(ctx, account.id));
    writeCookie(ctx, { name, value, maxAgeSeconds: DEVICE_DAYS * DAY_SECONDS, secure: production });
  };
}
