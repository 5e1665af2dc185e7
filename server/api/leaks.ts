import { hash } from 'node:crypto';
import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { API_BODY_BYTES_MAX, LEAKS_REPORTED_MAX } from '../ground/limits.ts';
import { readBody } from '../http/body.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import { utf8Of } from '../http/utf8.ts';

/** Longer than any value of ours; a scanner may send what it took for one. */
const VALUE_LENGTH_MAX = 1000;
const URL_LENGTH_MAX = 8000;

/**
 * Where programs say that a value of ours has leaked. Anybody may: who holds a value may end it. Whatever it was, the
 * answer is the same, and the work comes after it. GitHub, which signs what it sends, is told what it was.
 */
export function createLeakRoutes(parts: Pick<Domain, 'leaks' | 'githubKeys' | 'settings'>): Router {
  const { leaks, settings } = parts;
  const router = new Router({ strict: true, sensitive: true });
  router.post('/credentials/revoke', async (ctx) => {
    const by = { from: addressOf(ctx), requestId: requestIdOf(ctx) };
    await counted(ctx, leaks.admit(by.from));
    const values = valuesIn(jsonFrom(await readJsonBody(ctx)));
    await leaks.report(
      values.map((value) => ({ value })),
      by,
    );
    ctx.status = 202;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { status: 'accepted' };
  });
  if (settings.leaks.github) router.post('/credentials/github', (ctx) => answerGithub(parts, ctx));
  return router;
}

/** What GitHub's secret scanning sends to those who issue tokens: what it found, and where. */
const githubSchema = z
  .array(
    z.object({
      token: z.string().min(1).max(VALUE_LENGTH_MAX),
      type: z.string().max(VALUE_LENGTH_MAX),
      url: z.string().max(URL_LENGTH_MAX).nullish(),
    }),
  )
  .min(1)
  .max(LEAKS_REPORTED_MAX);

/**
 * Ends what was found before it answers: GitHub sends again what was not answered. Sent twice, it finds everything ended.
 * @see https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program
 */
async function answerGithub(
  { leaks, githubKeys }: Pick<Domain, 'leaks' | 'githubKeys'>,
  ctx: Context,
): Promise<void> {
  const from = addressOf(ctx);
  const admitted = await counted(ctx, leaks.admit(from));
  const body = await readJsonBody(ctx);
  const keyId = ctx.get('github-public-key-identifier');
  await githubKeys.check({ keyId, signature: ctx.get('github-public-key-signature'), body });
  // Only what is not GitHub's is limited.
  await admitted.takeBack();
  const { success, data: found } = githubSchema.safeParse(jsonFrom(body));
  if (!success) throw notAsDocumented();
  const answers = [];
  for (const { token, type } of found) {
    const isOurs = (await leaks.identify(token)) !== undefined;
    const label = isOurs ? 'true_positive' : 'false_positive';
    // The hash, so that no answer has a value in it.
    answers.push({ token_hash: hash('sha256', token), token_type: type, label });
  }
  await leaks.revoke(
    found.map(({ token, url }) => ({ value: token, foundAt: url ?? undefined })),
    { kind: 'reporter', from, requestId: requestIdOf(ctx) },
  );
  ctx.set('Cache-Control', 'no-store');
  ctx.body = answers;
}

/** The body of a refusal before it is read must not be taken for the next request. */
async function counted<T>(ctx: Context, admission: Promise<T>): Promise<T> {
  try {
    return await admission;
  } catch (error) {
    ctx.set('Connection', 'close');
    throw error;
  }
}

/** The bytes of a body that says that it is JSON. Throws Problem. */
function readJsonBody(ctx: Context): Promise<Buffer> {
  if (ctx.is('application/json')) return readBody(ctx, API_BODY_BYTES_MAX);
  ctx.set('Connection', 'close');
  throw new Problem({
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'Only JSON is read here.',
    hint: 'Send it with the header "Content-Type: application/json".',
  });
}

/** The JSON that was sent. Throws Problem, without a word of it. */
function jsonFrom(body: Buffer): unknown {
  try {
    return JSON.parse(utf8Of(body) ?? '');
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
  if (credentials.some((value) => typeof value !== 'string'))
    throw invalid('The list has something in it that is no text.');
  // As they were found: one that cannot be ours keeps no other from being ended.
  return credentials
    .map((value: string) => value.trim())
    .filter((value) => value !== '' && value.length <= VALUE_LENGTH_MAX);
}

function invalid(message: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message,
    hint: `Send {"credentials": ["…"]} with 1 to ${LEAKS_REPORTED_MAX} values, each a text. Nothing was revoked.`,
    parameter: 'credentials',
  });
}

function notAsDocumented(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'The message is not in the form that GitHub documents.',
    hint: 'Send a list of objects with token, type and url. Nothing was revoked.',
  });
}
