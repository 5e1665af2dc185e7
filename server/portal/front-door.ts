import type { Context } from 'koa';
import { welcomePage } from '../../views/welcome.ts';
import { seeOther, sendPage } from '../http/page.ts';
import type { PortalDependencies } from './dependencies.ts';

/** `/`: the first page of who is signed in, and the welcome of who is not. */
export function createFrontDoor({ site, signedIn }: PortalDependencies) {
  return async (ctx: Context): Promise<void> => {
    if ((await signedIn.find(ctx)) !== undefined) return seeOther(ctx, '/tokens');
    sendPage(ctx, welcomePage(site));
  };
}
