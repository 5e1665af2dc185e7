import type { Narrowing } from '../credentials/narrowing.ts';
import type { ProblemDetails } from '../ground/errors.ts';
import { ipRangeOf, isInRanges } from '../ground/ip-ranges.ts';

/**
 * Why a token does not work for this caller, whose address is as far as trusted proxies say it; undefined where it does.
 * One with an origin is for the code of its pages, so a call without the header is somebody else's.
 */
export function refusalHere(
  { ipRanges, origin }: Narrowing,
  caller: { address: string; origin: string | undefined },
): ProblemDetails | undefined {
  if (ipRanges !== undefined && !isInRanges(ipRanges.map(ipRangeOf), caller.address)) {
    return {
      status: 403,
      code: 'ADDRESS_REFUSED',
      message: `The token does not work from the address ${caller.address}.`,
      hint: 'Its owner allows it from some addresses only. Call from one of them, or have the owner add this one.',
    };
  }
  if (origin === undefined || origin === caller.origin) return undefined;
  return {
    status: 403,
    code: 'ORIGIN_REFUSED',
    message: 'The token is for the pages of one web origin, and this call does not come from them.',
    hint:
      caller.origin === undefined
        ? 'The call has no Origin header, which browsers add. A script needs a token of its own.'
        : 'Call from a page of the origin that its owner named, or make a token for this one.',
  };
}
