import type { Context } from 'koa';
import { openPortalPage, portalOverPage } from '../../views/portal-link.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import type { StepDependencies } from './dependencies.ts';

/** /portal: where an app sends its users who have no sign-in here, and the way back. */
export function createPortalLinkSteps(parts: StepDependencies) {
  const { site, portalLinks, portalSessions } = parts;

  return {
    /** GET /portal: asks for one click. Programs that look into links come here too, and use nothing up. */
    async show(ctx: Context): Promise<void> {
      const token = queryOne(ctx, 'token');
      const begun = await portalSessions.pathBegunBy(ctx, token);
      if (begun !== undefined) return seeOther(ctx, begun);
      const { link, account } = await portalLinks.find(token);
      sendPage(ctx, openPortalPage(site, { token, page: link.page, email: account.email }));
    },

    /** POST /portal: uses the link up and goes on to its page. */
    async open(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [token, formId] = [form.one('token'), form.one('form_id')];
      const begun = await portalSessions.pathBegunBy(ctx, token);
      if (begun !== undefined) return seeOther(ctx, begun);
      const from = { from: addressOf(ctx), requestId: requestIdOf(ctx) };
      const { value, path } = await portalLinks.open({ token, formId }, from);
      portalSessions.start(ctx, value);
      seeOther(ctx, path);
    },

    /** GET /portal/back: ends the session and leads back to the app. Nothing is lost for who is led here by somebody else. */
    async back(ctx: Context): Promise<void> {
      const returnUrl = await portalSessions.end(ctx);
      if (returnUrl === undefined) return sendPage(ctx, portalOverPage(site, undefined));
      seeOther(ctx, returnUrl);
    },

    /** GET /portal/over: where a page leads of whose portal session nothing is left but the way back. */
    async over(ctx: Context): Promise<void> {
      sendPage(ctx, portalOverPage(site, await portalSessions.returnUrl(ctx)));
    },
  };
}
