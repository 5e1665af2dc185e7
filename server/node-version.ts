/** Imported first by each entry, so that an older Node answers with a sentence and not with a stack. */
const wanted = 24;
const running = Number(process.versions.node.split('.')[0]);
if (running < wanted) {
  process.stderr.write(
    `Latchkey needs Node ${wanted} or newer, this is ${process.versions.node}. npm start and npm run latchkey bring their own; use those.\n`,
  );
  process.exit(1);
}
