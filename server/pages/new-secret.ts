import type { Context } from 'koa';
import { pathOf } from '../credentials/client.ts';
import type { NewSecret } from '../credentials/secret-rows.ts';
import type { ShownOnce } from './shown-once.ts';

/** Keeps a new secret for the page that shows it this once to its owner, and answers the path of that page. */
export async function keepNewSecret(
  { shownOnce }: { shownOnce: ShownOnce },
  ctx: Context,
  made: { title: string; secret: NewSecret; othersEndAt?: number },
): Promise<string> {
  const { secret, ...words } = made;
  const { client, credential, value } = secret;
  await shownOnce.keep(ctx, { id: credential.id, accountId: client.accountId }, { ...words, value });
  return `${pathOf(client)}/secrets/${credential.id}/value`;
}
