/** Argon2 is else the dearest thing that most tests do. What it costs in earnest is held by test/unit/passwords.test.ts. */
export const passwordCost = { memory: 64, passes: 1, parallelism: 1 };
