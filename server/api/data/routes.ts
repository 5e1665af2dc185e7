import type { Bearer } from '../../access/bearer.ts';
import type { Verb } from '../../data/access.ts';
import type { Domain } from '../../domain.ts';
import { DATA_PATH, type DataPlace, dataAddressIn } from '../../ground/api-address.ts';
import { asOfNow } from '../as-of-now.ts';
import type { Authenticate } from '../authenticate.ts';
import { allowOf, wrongMethod } from '../methods.ts';
import type { ApiCall, Endpoint } from '../responder.ts';
import { createBulk } from './bulk.ts';
import type { DataCall, ReadCall, WriteCall } from './data-call.ts';
import { requireNoQuery } from './list-query.ts';
import { createReads } from './reads.ts';
import { createDataRights } from './rights.ts';
import { createWrites } from './writes.ts';

type Parts = Pick<
  Domain,
  'types' | 'dataAccess' | 'effects' | 'recorder' | 'accounts' | 'clock' | 'settings'
> & { authenticate: Authenticate };

type Act = (call: WriteCall) => ReturnType<Endpoint>;
type Read = (call: ReadCall) => Promise<object>;

/** Records of the declared data types, by path and method: who may do what with them, and what it answers. */
export function createDataApi(parts: Parts) {
  const { types, authenticate, settings } = parts;
  const rights = createDataRights(types, settings.url);

  async function judged({ ctx, opened, verb }: DataCall): Promise<Bearer> {
    const caller = await authenticate.callerOf(ctx);
    if (caller === undefined) throw authenticate.noCredential(ctx);
    rights.requireType(opened.type.name, caller, verb);
    return caller;
  }

  const reads = createReads(parts);
  const writes = createWrites(parts);
  const reading: Record<DataPlace, Read | undefined> = {
    type: reads.list,
    record: reads.one,
    bulk: undefined,
  };
  const writing: Record<DataPlace, Record<string, Act>> = {
    type: { POST: writes.create },
    record: { PATCH: writes.change, PUT: writes.replace, DELETE: writes.remove },
    bulk: { POST: createBulk(parts) },
  };
  const methodsAt = (place: DataPlace): string[] => [
    ...(reading[place] === undefined ? [] : ['GET']),
    ...Object.keys(writing[place]),
  ];

  /** Throws 405 first, which tells nobody what there is; then as for every caller of the API. */
  const answer: Endpoint = async (call) => {
    const { ctx } = call;
    const { type, id, place } = dataAddressIn(ctx.path);
    // HEAD is GET without the body (RFC 9110 section 9.3.2).
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    if (!methodsAt(place).includes(method)) throw wrongMethod(ctx, IN_WORDS[place], methodsAt(place));
    const [read, write] = [reading[place], writing[place][method]];
    if (method === 'GET' && read !== undefined) {
      const asked = calledFor(call, { type, id, verb: 'read' });
      if (place !== 'type') requireNoQuery(asked);
      const { caller } = asked;
      return read({ ...asked, callerNow: asOfNow(caller, async () => caller && judged(asked)) });
    }
    const made = calledFor(call, { type, id, verb: 'write' });
    // Nobody writes without a token, whatever the rules give.
    const { caller } = made;
    if (write === undefined || caller === undefined) throw authenticate.noCredential(ctx);
    requireNoQuery(made);
    return write({ ...made, caller, callerNow: asOfNow(caller, () => judged(made)) });
  };

  function calledFor(call: ApiCall, of: { type: string; id: string; verb: Verb }): DataCall {
    const { ctx, caller } = call;
    const { type, id, verb } = of;
    if (caller !== undefined) return { ...call, id, verb, opened: rights.requireType(type, caller, verb) };
    const opened = types.get(type);
    if (opened !== undefined && rights.isForAnyone(opened)) return { ...call, id, verb, opened };
    throw authenticate.noCredential(ctx);
  }

  return {
    answer,

    /** Whether it is the address of a type, of a record, or of many. */
    isAt: (path: string): boolean =>
      path.startsWith(DATA_PATH) && /^[^/]+(\/[^/]+)?$/.test(path.slice(DATA_PATH.length)),

    /** The `Allow` header of one of them, whether it is there or not. */
    allow: (path: string): string => allowOf(methodsAt(dataAddressIn(path).place)),
  };
}

const IN_WORDS: Record<DataPlace, string> = {
  type: 'A data type',
  record: 'A record',
  bulk: 'The address for many records',
};
