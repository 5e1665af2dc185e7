import type { Context } from 'koa';
import { type ErrorOut, errors } from 'oidc-provider';
import type { Site, Viewer } from '../../views/layout.ts';
import { problemPage } from '../../views/problem.ts';
import { Problem } from '../ground/errors.ts';
import { sendPage } from '../http/page.ts';
import { requestIdOf } from '../http/request.ts';

/** Shows an error of the engine to the person in front of the browser, where it may not be sent to the app. */
export function showError(
  ctx: Context,
  site: Site,
  { out, error, viewer }: { out: ErrorOut; error: Error; viewer: Viewer | undefined },
): void {
  const { status } = ctx;
  const words = wordsFor(status, out, error);
  sendPage(ctx, problemPage(site, { status, ...words, requestId: requestIdOf(ctx), viewer }), status);
}

function wordsFor(status: number, out: ErrorOut, error: Error) {
  if (error instanceof errors.SessionNotFound) {
    return {
      title: 'This sign-in is too old',
      message: 'It was started too long ago, or in another browser.',
      hint: 'Go back to the app that you came from and start again.',
    };
  }
  if (error.cause instanceof Problem) {
    const { message, hint } = error.cause;
    return { title: 'Not now', message, hint };
  }
  if (status >= 500) {
    return {
      title: 'Something went wrong',
      message: 'Something went wrong here; it was not your doing.',
      hint: 'Try again in a moment.',
    };
  }
  return {
    title: 'This request cannot be followed',
    message: 'The app that sent you here asked in a way that cannot be answered.',
    hint: `Go back to it and try again. If that does not help, tell its developer: ${reasonOf(out)}.`,
  };
}

/** The error in the words of the protocol, which the developer of an app can look up. */
function reasonOf({ error, error_description: description }: ErrorOut): string {
  return description === undefined ? error : `${error}, ${description.replace(/\.$/, '')}`;
}
