/**
 * Page after page of what is to be ended, until `list` finds none: a page is not all of them, and more may be made
 * meanwhile. Whoever takes a page ends all that is on it.
 */
export async function* untilNone<T>(list: () => Promise<readonly T[]>): AsyncGenerator<readonly T[]> {
  for (let page = await list(); page.length > 0; page = await list()) yield page;
}
