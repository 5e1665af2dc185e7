import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { placeOfMistake } from '../../server/ground/mistake-place.ts';
import { makeConfigFolder } from '../support/config-folder.ts';

/** The name of the rule stands in an import, a comment, a description, and as the name of the type too. */
const RULE_NAMED_LIKE_OTHERS = `import { order } from 'latchkey';
// order: who may
export const type = defineType({
  name: 'order', description: 'An order',
  fields: { order: z.string() },
  rules: () => [
    { name: 'order', when: always, view: ['x'] },
  ],
});
`;
const RULE_ABOVE = `const mine = { name: 'Mine', find: 'yes' };
export const type = defineType({ name: 'order', rules: () => [mine] });
`;

for (const [what, text, mistake, place] of [
  ['its right', RULE_NAMED_LIKE_OTHERS, 'rule order: view: there is no field x', ' (line 7, column 36)'],
  ['its name', RULE_NAMED_LIKE_OTHERS, 'rule order: find: wanted true', ' (line 7, column 14)'],
  ['a rule above the type', RULE_ABOVE, 'rule Mine: find: wanted true', ' (line 1, column 30)'],
  ['a rule whose name is put together', RULE_ABOVE, 'rule mine: find: wanted true', ''],
] as const) {
  test(`the place of a mistake in a rule is found by ${what}`, (t) => {
    const { folder, remove } = makeConfigFolder({ 'types/order.ts': text });
    t.after(remove);
    assert.equal(placeOfMistake(join(folder, 'types/order.ts'), mistake), place);
  });
}
