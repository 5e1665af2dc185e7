/**
 * Room for so many characters of records as JSON, so that nobody's long records hold up all others. What is measured is what
 * the caller sees, for where a list ends tells it. The first one is always taken: whoever goes on from the last that came
 * gets to the end.
 */
export function roomFor(charactersMax: number) {
  let left = charactersMax;
  let isFull = false;
  return {
    takes(seen: object): boolean {
      const { length } = JSON.stringify(seen);
      isFull = left < charactersMax && length > left;
      left -= length;
      return !isFull;
    },

    /** Whether there was one that had no room. */
    isFull: (): boolean => isFull,
  };
}
