import { Problem } from '../ground/errors.ts';

/** A browser came back without any cookie: without them nobody can be signed in. */
export function cookiesOff(): Problem {
  return new Problem({
    status: 400,
    code: 'COOKIES_OFF',
    message: 'Your browser keeps no cookies for this site, so it cannot stay signed in.',
    hint: 'Allow cookies for this site in the settings of your browser, then go to the sign-in page and start again.',
  });
}
