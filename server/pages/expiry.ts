import type { ExpiryChoices } from '../../views/credentials.ts';
import { checkAll, Problem } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, isoDate, midnightOf } from '../ground/time.ts';
import type { Form } from '../http/body.ts';

const TOKEN_DAYS = [7, 30, 60, 90, 180, 365];
const SECRET_DAYS = [30, 90, 180, 365];
const ADMIN_SECRET_DAYS = [7, 30, ADMIN_SECRET_DAYS_MAX];
/** A date further away than ten years is a typing mistake. */
const SECRET_DAYS_MAX = 3650;

/** What the form for a token offers. */
export function tokenExpiry(settings: Settings['tokens'], now: number): ExpiryChoices {
  const offered = [...new Set([...TOKEN_DAYS, settings.defaultDays])].sort((a, b) => a - b);
  return {
    days: offered.filter((days) => days <= settings.maxDays),
    allowNever: settings.allowNever,
    ...dates(now, settings.maxDays),
  };
}

/** What the form for a client secret offers; one with the admin scope must end sooner. */
export function secretExpiry(isAdmin: boolean, now: number): ExpiryChoices {
  const days = isAdmin ? ADMIN_SECRET_DAYS : SECRET_DAYS;
  return { days, allowNever: !isAdmin, ...dates(now, isAdmin ? ADMIN_SECRET_DAYS_MAX : SECRET_DAYS_MAX) };
}

/**
 * What was chosen, in epoch seconds; undefined for never. Throws Problem for what is no choice, together with what
 * `checkRest` finds wrong with the rest of the form.
 */
export function expiryFrom(form: Form, now: number, checkRest: () => unknown): number | undefined {
  try {
    return readExpiry(form, now);
  } catch (error) {
    checkAll({
      rest: checkRest,
      expiry: () => {
        throw error;
      },
    });
    throw error;
  }
}

function readExpiry(form: Form, now: number): number | undefined {
  const expires = form.one('expires');
  if (expires === 'never') return undefined;
  if (/^[1-9]\d{0,3}$/.test(expires)) return now + Number(expires) * DAY_SECONDS;
  const midnight = midnightOf(form.one('date'));
  if (expires === 'date' && midnight !== undefined) return midnight + DAY_SECONDS;
  throw new Problem({
    status: 400,
    code: 'INVALID_EXPIRY',
    message: expires === 'date' ? 'This is no date.' : 'No expiry is chosen.',
    hint: 'Choose a number of days, or a date like 2027-01-31.',
    parameter: 'expires',
  });
}

/** The first and the last day whose end lies between now and the longest life. */
function dates(now: number, daysMax: number): { dateMin: string; dateMax: string } {
  return { dateMin: isoDate(now), dateMax: isoDate(now + (daysMax - 1) * DAY_SECONDS) };
}
