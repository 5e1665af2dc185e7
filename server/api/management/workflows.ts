import { z } from 'zod';
import { explanationForPrograms } from '../../data/shown-explanation.ts';
import { invalidField, noSuch } from '../../ground/errors.ts';
import { SEARCH_LENGTH_MAX, WORKFLOW_COUNT_DAYS } from '../../ground/limits.ts';
import type {
  DeclaredParameter,
  DeclaredType,
  DeclaredWorkflow,
} from '../../workflows/shown-declarations.ts';
import { type ManagementEndpoint, noQuery, queryOf } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const named = z.string().min(1).max(SEARCH_LENGTH_MAX).optional();
const explainQuery = z.strictObject({ account: named, client: named, token_id: named, id: named });

/** `/workflows` and `/types`: what the owner declared, with how often it is called, and scopes that are gone. */
export function workflowEndpoints({
  declared,
  types,
  explain,
}: ManagementDependencies): ManagementEndpoint[] {
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
        return { items: declared.types().map(typeJson), next_cursor: null };
      },
    },
    {
      method: 'GET',
      path: '/types/:name/explain',
      async answer({ ctx, params, actor }) {
        const { id, token_id: credential, account, client } = queryOf(ctx, explainQuery);
        if (credential !== undefined && (account ?? client) !== undefined)
          throw invalidField(
            'token_id',
            'names a caller by itself',
            'Send either it, or account and client.',
          );
        const opened = types.get(params.name ?? '');
        if (opened === undefined) throw noSuch('type');
        const explanation = await explain(opened, { credential, account, client }, { id, by: actor });
        return explanationForPrograms(explanation);
      },
    },
  ];
}

function typeJson({ onePerAccount, ...type }: DeclaredType) {
  return { ...type, one_per_account: onePerAccount };
}

/** A workflow as programs are told of it. */
function workflowJson({ scope, parameters, ...workflow }: DeclaredWorkflow) {
  return { ...workflow, scope: scope ?? null, parameters: parameters.map(parameterJson) };
}

function parameterJson({ places, ...parameter }: DeclaredParameter) {
  return { ...parameter, read_from: places };
}
