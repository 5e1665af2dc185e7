import { Problem } from '../ground/errors.ts';

/** What a caller is told whom the rules of a type refuse something. Nothing in it says what the rules compare. */

const ASK =
  'If it should be allowed, ask whoever runs this server, and name the request id: their log says how to see why.';

/** What was refused: some record of a type, or the one with this id. */
type Refused = { type: string; id?: string };

/** They ask for a field that no rule lets them ask for; `others` are those that they may. */
export function notConstrainable(of: Refused, field: string, others: readonly string[]): Problem {
  const instead = others.length === 0 ? 'Leave it out' : `Leave it out, or send one of: ${others.join(', ')}`;
  return refusal(of, `may not search or sort by ${field}`, { hint: `${instead}. ${ASK}`, field });
}

/** In some records only may they sort by this field, so that it can order nothing within the order of another. */
export function notSortedLater(of: Refused, field: string): Problem {
  const what = `may sort by ${field} in some records only, and so by nothing before it`;
  return refusal(of, what, { hint: `Sort by ${field} first. ${ASK}`, field });
}

/** No rule lets them make this record; `isEver`: they may make others. */
export function notMakable(of: Refused, isEver: boolean): Problem {
  const instead = isEver ? 'With other values this caller may make one. ' : '';
  return refusal(of, `may make no such ${of.type}`, { hint: `${instead}${ASK}` });
}

/** No rule lets them change the field, or none to this value: which of both is not told, for it says what the record holds. */
export function notChangeable(of: Refused, field: string): Problem {
  const what = `may not change ${field} of this ${of.type}, or not to that`;
  return refusal(of, what, { hint: `Leave it out, or send another value. ${ASK}`, field });
}

/** No rule lets them do this with the record at all. */
export function notAllowed(of: Refused, what: 'change' | 'delete'): Problem {
  return refusal(of, `may not ${what} this ${of.type}`, { hint: ASK });
}

function refusal(
  refusedBy: Refused,
  what: string,
  { hint, field }: { hint: string; field?: string },
): Problem {
  const parameter = field === undefined ? {} : { parameter: field };
  const message = `This caller ${what}.`;
  return new Problem({ status: 403, code: 'FORBIDDEN', message, hint, refusedBy, ...parameter });
}
