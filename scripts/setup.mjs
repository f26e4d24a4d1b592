// Sets up what is missing or out of date, then, with `--then FILE ARG…`, runs FILE in this process:
// one process, so that a signal sent to `npm start` reaches the program and not a shell around it.
// `--with STEP` sets up something that only some commands need: see setup/steps.mjs.
//
// This file and platform.mjs must be readable by Node versions far too old for the rest, so that
// those get a sentence instead of a syntax error: no newer syntax than ES2015 and `import()` here.
import { platformProblem } from './setup/platform.mjs';

const problem = platformProblem(process.platform, process.versions.node);

if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else {
  import('./setup/main.mjs')
    .then((setup) => setup.main(process.argv.slice(2)))
    .catch((error) => {
      console.error(error);
      process.exit(1);
    });
}
