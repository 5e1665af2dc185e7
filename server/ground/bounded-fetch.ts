/** Discovery documents, key sets, tokens and claims are a few kB; nothing larger is held in memory. */
const ANSWER_BYTES_MAX = 256 * 1024;

/** A person waits in front of each of these calls: its headers and its body together. */
export const ANSWER_SECONDS_MAX = 5;

/** The provider sent more than anything that it is asked for can be. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';

  constructor() {
    super(`an answer is larger than ${ANSWER_BYTES_MAX / 1024} kB`);
  }
}

/**
 * `fetch` for what another server answers: follows no redirect, waits five seconds for all of it, and holds at most
 * 256 kB. It counts what comes out of the decompression, whatever `Content-Length` claims. Throws AnswerTooLarge.
 */
export async function boundedFetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const late = AbortSignal.timeout(ANSWER_SECONDS_MAX * 1000);
  const signal = init.signal == null ? late : AbortSignal.any([init.signal, late]);
  const response = await fetch(url, { ...init, redirect: 'manual', signal });
  const bytes = await readBounded(response);
  const { status, statusText, headers } = response;
  return new Response(bytes.length === 0 ? null : bytes, { status, statusText, headers });
}

async function readBounded(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by a throw cancels the stream, and with it the connection.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > ANSWER_BYTES_MAX) throw new AnswerTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
