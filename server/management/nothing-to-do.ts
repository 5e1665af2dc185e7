import { Problem } from '../ground/errors.ts';

/** What is to be done stands so already, or cannot be done; `because` says how, as a sentence. */
export function nothingToDo(because: string, hint = 'There was nothing to do.'): Problem {
  return new Problem({ status: 409, code: 'NOTHING_TO_DO', message: because, hint });
}
