/** Ends a program, with what it has started itself, where it leads a group of its own (`detached`). */
export function endProgram(pid: number): void {
  for (const one of [-pid, pid]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It has ended, or leads none.
    }
  }
}
