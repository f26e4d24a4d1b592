// `npm run bench:charts -- RAW.json… FOLDER`: draws what `npm run bench -- scaling --json RAW.json` has
// measured, one or more runs of it together, as SVG files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { regime } from './lib/figures.mjs';
import { charts } from './lib/scaling/charts.mjs';

const HELP = `npm run bench:charts -- [--cores near | far] RAW.json… FOLDER

  --cores   which of the measurements; without it those of which there are more
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
const count = (where) => pairs.filter(({ probes }) => regime(probes) === where).length;
const cores = options.cores ?? (count('near') >= count('far') ? 'near' : 'far');

mkdirSync(folder, { recursive: true });
for (const { name, svg } of charts(pairs, cores, runs[0])) {
  writeFileSync(join(folder, `${name}.svg`), svg);
  console.log(join(folder, `${name}.svg`));
}
