// `npm run bench:charts -- RAW.json… FOLDER`: draws what `npm run bench -- scaling --json RAW.json` has
// measured, one or more runs of it together, as SVG files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { charts } from './lib/scaling/charts.mjs';

const HELP = `npm run bench:charts -- [--cores near | far] RAW.json… FOLDER

  --cores   of which measurements; without it, for each chart, those of which there are more
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { cores: { type: 'string' }, help: { type: 'boolean', default: false } },
});
if (options.help || positionals.length < 2) {
  console.log(HELP);
  process.exit(options.help ? 0 : 1);
}

const runs = positionals.slice(0, -1).map((file) => JSON.parse(readFileSync(file, 'utf8')));
const folder = positionals.at(-1);
const pairs = runs.flatMap((run) => run.scaling);

mkdirSync(folder, { recursive: true });
for (const [name, svg] of Object.entries(charts(pairs, runs[0], options.cores))) {
  writeFileSync(join(folder, `${name}.svg`), svg);
  console.log(join(folder, `${name}.svg`));
}
