import { WORKFLOW_COUNT_DAYS } from '../../ground/limits.ts';
import type { DeclaredParameter, DeclaredWorkflow } from '../../workflows/declared.ts';
import { type ManagementEndpoint, noQuery, queryOf } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

/** `/workflows` and `/types`: what the owner declared, with how often it is called, and scopes that are gone. */
export function workflowEndpoints({ declared }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/workflows',
      async answer({ ctx }) {
        queryOf(ctx, noQuery);
        const [workflows, gone] = await Promise.all([declared.workflows(), declared.goneScopes()]);
        return {
          items: workflows.map(workflowJson),
          next_cursor: null,
          counted_days: WORKFLOW_COUNT_DAYS,
          gone_scopes: gone,
        };
      },
    },
    {
      method: 'GET',
      path: '/types',
      async answer({ ctx }) {
        queryOf(ctx, noQuery);
        return { items: declared.types(), next_cursor: null };
      },
    },
  ];
}

/** A workflow as programs are told of it. */
function workflowJson({ scope, parameters, ...workflow }: DeclaredWorkflow) {
  return { ...workflow, scope: scope ?? null, parameters: parameters.map(parameterJson) };
}

function parameterJson({ places, ...parameter }: DeclaredParameter) {
  return { ...parameter, read_from: places };
}
