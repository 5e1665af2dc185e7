import Router from '@koa/router';
import type { Context } from 'koa';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { API_BODY_BYTES_MAX, LEAKS_REPORTED_MAX } from '../ground/limits.ts';
import { readBody } from '../http/body.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import { utf8Of } from '../http/utf8.ts';

/** Longer than any value of ours; a scanner may send what it took for one. */
const VALUE_LENGTH_MAX = 1000;

/**
 * Where programs say that a value of ours has leaked. Anybody may: who holds a value may end it. Whatever it was, the
 * answer is the same, and the work comes after it.
 */
export function createLeakRoutes({ leaks }: Pick<Domain, 'leaks'>): Router {
  const router = new Router({ strict: true, sensitive: true });
  router.post('/credentials/revoke', async (ctx) => {
    const by = { from: addressOf(ctx), requestId: requestIdOf(ctx) };
    await counted(ctx, leaks.admit(by.from));
    const values = valuesIn(await readJson(ctx));
    await leaks.report(
      values.map((value) => ({ value })),
      by,
    );
    ctx.status = 202;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { status: 'accepted' };
  });
  return router;
}

/** The body of a refusal before it is read must not be taken for the next request. */
async function counted(ctx: Context, admission: Promise<void>): Promise<void> {
  try {
    await admission;
  } catch (error) {
    ctx.set('Connection', 'close');
    throw error;
  }
}

/** The JSON that was sent. Throws Problem, without a word of it. */
async function readJson(ctx: Context): Promise<unknown> {
  if (!ctx.is('application/json')) {
    ctx.set('Connection', 'close');
    throw new Problem({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: 'Only JSON is read here.',
      hint: 'Send it with the header "Content-Type: application/json".',
    });
  }
  const text = utf8Of(await readBody(ctx, API_BODY_BYTES_MAX));
  try {
    return JSON.parse(text ?? '');
  } catch {
    throw invalid('The body is no JSON in UTF-8.');
  }
}

function valuesIn(body: unknown): string[] {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const { credentials, ...rest } = isObject ? (body as { credentials?: unknown }) : {};
  if (!Array.isArray(credentials)) throw invalid('The body is no object with a list called credentials.');
  if (Object.keys(rest).length > 0) throw invalid('The body has something beside credentials.');
  if (credentials.length === 0) throw invalid('The list is empty.');
  if (credentials.length > LEAKS_REPORTED_MAX)
    throw invalid(`The list has more than ${LEAKS_REPORTED_MAX} values.`);
  if (credentials.some((value) => typeof value !== 'string' || value === ''))
    throw invalid('The list has something in it that is no text.');
  const values = credentials as string[];
  if (values.some((value) => value.length > VALUE_LENGTH_MAX))
    throw invalid(
      `The list has a value of more than ${VALUE_LENGTH_MAX} characters, which none of ours has.`,
    );
  return values;
}

function invalid(message: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message,
    hint: `Send {"credentials": ["…"]} with 1 to ${LEAKS_REPORTED_MAX} values of at most ${VALUE_LENGTH_MAX} characters each. Nothing was revoked.`,
    parameter: 'credentials',
  });
}
