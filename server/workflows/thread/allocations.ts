import { WORKFLOW_MEGABYTES_MAX } from '../../ground/limits.ts';

const BYTES_MAX = WORKFLOW_MEGABYTES_MAX * 1024 * 1024;

/**
 * Refuses what alone is more than a run may hold. Whoever watches the memory of a thread (thread-memory.ts) sees it between
 * two steps of its code, and filling a buffer is one step, however large it is; shared memory is not seen at all.
 */
export function boundAllocations(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const plain = Buffer[name] as (...given: unknown[]) => Buffer;
    const bounded = (size: number, ...given: unknown[]) => {
      requireRoom(size);
      return plain(size, ...given);
    };
    Object.assign(Buffer, { [name]: bounded });
  }
  const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  for (const prototype of [Buffer.prototype, typedArrays]) {
    const plain = prototype.fill as (...given: unknown[]) => typeof prototype;
    prototype.fill = function fill(this: Uint8Array, ...given: unknown[]) {
      requireRoom(this.byteLength);
      return plain.apply(this, given);
    };
  }
  boundShared();
}

function boundShared(): void {
  let held = 0;
  const freed = new FinalizationRegistry((bytes: number) => {
    held -= bytes;
  });
  const Bounded = class extends SharedArrayBuffer {
    constructor(length = 0, options?: { maxByteLength?: number }) {
      const bytes = options?.maxByteLength ?? length;
      requireRoom(held + bytes);
      super(length, options);
      held += bytes;
      freed.register(this, bytes);
    }
  };
  Object.assign(globalThis, { SharedArrayBuffer: Bounded });
}

function requireRoom(bytes: number): void {
  if (bytes > BYTES_MAX)
    throw new RangeError(`more than the ${WORKFLOW_MEGABYTES_MAX} MB that a run may hold`);
}
