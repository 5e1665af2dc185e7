import { isSchema, mistakesOfKeys, mistakesOfNaming } from '../data/declaration-mistakes.ts';
import { isObject } from '../ground/is-object.ts';
import { WORKFLOW_SECONDS_MAX } from '../ground/limits.ts';
import { ISSUE_TOKEN } from './issue-token.ts';
import { mistakesOfParameter, mistakesOfReturns } from './parameter-mistakes.ts';
import type { Workflow, WorkflowLimits } from './workflow.ts';

const KEYS = 'name description method callers parameters types limits returns run'.split(' ');
const LIMITS = ['seconds', 'callsAMinute'];

/** A line for each mistake in the declaration of a workflow. `known` are the types that are declared. */
export function* mistakesOfWorkflow(workflow: Workflow, known: ReadonlySet<unknown>): Generator<string> {
  const { name, method, callers, parameters, types, returns, run } = workflow;
  yield* mistakesOfNaming(workflow);
  yield* mistakesOfKeys('a workflow', workflow, KEYS);
  if (name === ISSUE_TOKEN.name) yield `the name ${name} belongs to a built-in workflow`;
  if (!['POST', 'GET'].includes(method)) yield "method: wanted 'POST' or 'GET'";
  if (!['anyone', 'account', 'admin'].includes(callers)) {
    yield "callers: wanted 'anyone', 'account' or 'admin'";
  }
  if (!isSchema(returns)) yield 'returns: wanted a zod schema of what run answers';
  else yield* mistakesOfReturns(returns);
  if (typeof run !== 'function')
    yield 'run: wanted a function: run({ parameters, caller, data }) { return … }';
  yield* mistakesOfLimits(workflow.limits);
  if (!isObject(parameters)) yield 'parameters: wanted an object, {} when there are none';
  if (isSchema(parameters))
    yield 'parameters: wanted { title: { schema, description, example }, … } itself, without z.object(…) around it';
  const each = isObject(parameters) && !isSchema(parameters) ? parameters : {};
  for (const [parameterName, parameter] of Object.entries(each)) {
    for (const mistake of mistakesOfParameter(workflow, parameterName, parameter, known)) {
      yield `parameter ${parameterName}: ${mistake}`;
    }
  }
  if (!isObject(types)) yield 'types: wanted an object of types, such as { note }';
  for (const [typeName, type] of Object.entries(isObject(types) ? types : {})) {
    if (!known.has(type)) yield `types.${typeName}: wanted a type that a file in types/ itself exports`;
    else if (type.name !== typeName) yield `types.${typeName}: wanted under its own name, ${type.name}`;
  }
}

function* mistakesOfLimits(limits: WorkflowLimits): Generator<string> {
  if (!isObject(limits)) {
    yield 'limits: wanted { seconds, callsAMinute }, either or both';
    return;
  }
  const { seconds = 1, callsAMinute = 1 } = limits;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > WORKFLOW_SECONDS_MAX) {
    yield `limits.seconds: wanted a whole number from 1 to ${WORKFLOW_SECONDS_MAX}`;
  }
  if (!Number.isInteger(callsAMinute) || callsAMinute < 1) {
    yield 'limits.callsAMinute: wanted a whole number from 1';
  }
  for (const mistake of mistakesOfKeys('what limits a workflow', limits, LIMITS)) yield `limits.${mistake}`;
}
