import type { RouterContext } from '@koa/router';
import { workflowPage, workflowsPage } from '../../views/console/workflows.ts';
import { noSuch } from '../ground/errors.ts';
import { sendPage } from '../http/page.ts';
import { adminOf } from './admin.ts';
import type { ConsoleDependencies } from './dependencies.ts';

/** /admin/workflows: workflows and data types as they are declared, who may call them, and how often they are called. */
export function createWorkflowPages(parts: ConsoleDependencies) {
  const { site, declared } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const [workflows, gone] = await Promise.all([declared.workflows(), declared.goneScopes()]);
      sendPage(ctx, workflowsPage(site, admin, { workflows, types: declared.types(), gone }));
    },

    async show(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const workflow = (await declared.workflows()).find(({ name }) => name === ctx.params.workflow);
      if (workflow === undefined) throw noSuch('workflow');
      sendPage(ctx, workflowPage(site, admin, workflow));
    },
  };
}
