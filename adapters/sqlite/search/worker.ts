import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';
import { openForReading } from '../database.ts';
import { type Bounds, OutOfTime, within } from './deadline.ts';
import type { Answer, FoundRow, Question, Search } from './threads.ts';

/**
 * What runs in the threads of threads.ts: answers with the rows of a search, a batch at a time, for whoever asked may have
 * enough before the end.
 */
let underWay: { open: DatabaseSync; rows: Iterator<FoundRow>; bounds: Bounds } | undefined;

/** What goes to the other thread at once: it is in memory on both sides. */
const BATCH_ROWS = 100;
const BATCH_CHARACTERS = 256 * 1024;

parentPort?.on('message', (question: Question) => {
  parentPort?.postMessage(answerTo(question));
});

function answerTo(question: Question): Answer {
  try {
    if (question === 'enough') return over();
    if (question !== 'more') begin(question);
    const answer = nextBatch();
    if (answer.isLast) over();
    return answer;
  } catch (error) {
    over();
    return error instanceof OutOfTime ? { isOutOfTime: true } : { failed: String(error) };
  }
}

function begin({ file, text, values, msMax, ended }: Search): void {
  over();
  // Opened each time: the one that was there a minute ago may have been removed or replaced.
  if (!existsSync(file)) throw new Error(`${file} is not there`);
  const open = openForReading(file);
  // From here on it is closed by `over`.
  underWay = { open, rows: [].values(), bounds: { end: performance.now() + msMax, ended } };
  underWay.rows = open.prepare(text).iterate(...values) as Iterator<FoundRow>;
}

function nextBatch(): { rows: FoundRow[]; isLast: boolean } {
  // A thread that died has taken its search with it.
  if (underWay === undefined) throw new Error('its thread ended');
  const { rows: all, bounds } = underWay;
  const rows: FoundRow[] = [];
  return within(bounds, () => {
    for (let characters = 0; rows.length < BATCH_ROWS && characters < BATCH_CHARACTERS; ) {
      const { done, value } = all.next();
      if (done === true) return { rows, isLast: true };
      rows.push(value);
      characters += value.doc?.length ?? 0;
    }
    return { rows, isLast: false };
  });
}

function over(): { rows: FoundRow[]; isLast: boolean } {
  underWay?.open.close();
  underWay = undefined;
  return { rows: [], isLast: true };
}
