import type { RouterContext } from '@koa/router';
import { overviewPage } from '../../views/console/overview.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { OVERVIEW_PERIODS } from '../management/overview.ts';
import { adminOf } from './admin.ts';
import type { ConsoleDependencies } from './dependencies.ts';

/** /admin: what is called, what goes wrong and what there is. */
export function createOverviewPage(parts: ConsoleDependencies) {
  const { site, overview, clock } = parts;

  return async (ctx: RouterContext): Promise<void> => {
    const admin = await adminOf(parts, ctx);
    const asked = queryOne(ctx, 'period');
    const period = OVERVIEW_PERIODS.find((one) => one === asked) ?? 'day';
    sendPage(ctx, overviewPage(site, admin, await overview.of(period), clock()));
  };
}
