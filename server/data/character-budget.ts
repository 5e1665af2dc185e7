/**
 * So many characters of records as JSON, so that nobody's long records hold up all others. What is measured is what the
 * caller sees, for where a list ends tells it. The first record is always taken: whoever goes on from the last that came gets
 * to the end.
 */
export function characterBudget(charactersMax: number) {
  let left = charactersMax;
  let isUsedUp = false;
  return {
    takes(seen: object): boolean {
      const { length } = JSON.stringify(seen);
      isUsedUp = left < charactersMax && length > left;
      left -= length;
      return !isUsedUp;
    },

    /** Whether there was a record for which it was not enough. */
    isUsedUp: (): boolean => isUsedUp,
  };
}
