import type { Context } from 'koa';
import { Problem } from '../ground/errors.ts';
import { STOPPING, serverStops } from './stopping.ts';

/** Aborted when whoever asked has gone, and when a stop of the server waits for the answer no longer. */
export function whileWaited({ res, method }: Context): AbortSignal {
  const controller = new AbortController();
  const gone = () => {
    if (!res.writableFinished) controller.abort(callerGone());
  };
  res.once('close', gone);
  res.once(STOPPING, () => controller.abort(serverStops(method)));
  if (res.destroyed) gone();
  return controller.signal;
}

/** Aborted when a stop of the server waits no longer for what has done nothing yet; whoever has gone has it done. */
export function untilStopped({ res, method }: Context): AbortSignal {
  const controller = new AbortController();
  res.once(STOPPING, () => controller.abort(serverStops(method, true)));
  return controller.signal;
}

/** Nobody but the activity and the log hears of it. */
function callerGone(): Problem {
  return new Problem({
    status: 499,
    code: 'CALLER_GONE',
    message: 'The connection was closed before the answer was there.',
    hint: 'Wait longer for the answer, or ask for less.',
  });
}
