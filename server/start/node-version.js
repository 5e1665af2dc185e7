/**
 * Loaded before anything else, so that an older Node answers with a sentence and not with a stack. In
 * JavaScript, because an older Node cannot read TypeScript.
 */
const wanted = 24;
const running = Number(process.versions.node.split('.')[0]);
if (running < wanted) {
  process.stderr.write(
    `Latchkey needs Node ${wanted} or newer, this is ${process.versions.node}. npm install brings one for npm start and npm run latchkey; without dev dependencies, install Node ${wanted}.\n`,
  );
  process.exit(1);
}
