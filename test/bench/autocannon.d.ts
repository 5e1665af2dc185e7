declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  type Request = { method?: string; path?: string; headers?: Record<string, string>; body?: string };

  type Options = {
    url: string;
    connections: number;
    duration: number;
    setupClient(client: { setRequests(requests: Request[]): void }): void;
  };

  /** Of the many numbers that autocannon gives, those that are used here. `duration` is in seconds. */
  type Result = {
    duration: number;
    errors: number;
    non2xx: number;
    statusCodeStats: Record<string, unknown>;
  };

  function autocannon(options: Options, done: (error: Error | null, result: Result) => void): EventEmitter;

  export = autocannon;
}
