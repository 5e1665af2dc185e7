/**
 * What an app owner imports from 'latchkey' in the files of their own folder: data types with their rules, and workflows.
 */
export {
  always,
  and,
  contains,
  has,
  is,
  isAtLeast,
  isAtMost,
  isEmpty,
  isIn,
  isLess,
  isMore,
  isNot,
  not,
  or,
} from './data/expressions.ts';
export { defineType } from './data/type.ts';
export type { OwnerSettings } from './ground/settings.ts';
export { address, date, file, record } from './workflows/parameter-types.ts';
export { defineWorkflow, oneLine, refusal } from './workflows/workflow.ts';
