import { type CheckedChange, type CheckedCondition, type Checks, createChecks } from './checks.ts';
import type { Declaration, Scalar, Write } from './port.ts';

/** One write of a commit, held to its declaration. */
export type CheckedWrite = {
  declaration: Declaration<{ id: string }>;
  id: string;
  /** The values of unique fields that the row takes. */
  taken: readonly (readonly [field: string, value: Scalar])[];
} & (
  | { insert: { id: string } }
  | { change: CheckedChange; guard: readonly CheckedCondition[] }
  | { remove: true; guard: readonly CheckedCondition[] }
);

/** What both engines hold the writes of a commit to, in the order of collection and id. Faults are TypeErrors, as in checks.ts. */
export function createWriteChecks() {
  const known = new WeakMap<Declaration<{ id: string }>, Checks<{ id: string }>>();

  function checksOf(declaration: Declaration<{ id: string }>): Checks<{ id: string }> {
    const checks = known.get(declaration) ?? createChecks(declaration);
    if (declaration.committed !== true) checks.refuse('it is not declared as committed');
    if (declaration.journalled === true) checks.refuse('a journalled collection cannot be committed');
    known.set(declaration, checks);
    return checks;
  }

  function checked(write: Write): CheckedWrite {
    const { declaration } = write;
    const checks = checksOf(declaration);
    const takenBy = (fields: readonly (readonly [string, unknown])[]): CheckedWrite['taken'] =>
      fields
        .filter(([field, value]) => checks.isTakenFirst(field) && value !== undefined)
        .map(([field, value]) => [field, checks.checkScalar(field, value)]);
    if ('insert' in write) {
      const { insert } = write;
      checks.checkRow(insert);
      return { declaration, id: insert.id, insert, taken: takenBy(Object.entries(insert)) };
    }
    const id = checks.checkId(write.id);
    const guard = checks.checkWhere(write.guard);
    if ('remove' in write) return { declaration, id, remove: true, guard, taken: [] };
    const change = checks.checkChange(write.change);
    return { declaration, id, change, guard, taken: takenBy(change.set) };
  }

  return (writes: readonly Write[]): CheckedWrite[] => {
    const all = writes.map(checked).sort(inOrder);
    all.forEach((write, i) => {
      const before = all[i - 1];
      if (before !== undefined && inOrder(before, write) === 0)
        checksOf(write.declaration).refuse('a commit names a row once');
    });
    return all;
  };
}

function inOrder(a: CheckedWrite, b: CheckedWrite): number {
  return compare(a.declaration.name, b.declaration.name) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
