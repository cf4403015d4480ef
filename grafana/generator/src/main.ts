// main.js DIRECTORY: writes the dashboards there.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { endpoint } from './endpoint.js';
import { exporter } from './exporter.js';
import { fleet } from './fleet.js';
import { assemble } from './frame.js';
import { worker } from './worker.js';

const [directory] = process.argv.slice(2);
if (!directory) throw new Error('usage: main.js DIRECTORY');

for (const frame of [fleet, endpoint, worker, exporter]) {
  const text = `${JSON.stringify(assemble(frame), undefined, 2)}\n`;
  writeFileSync(join(directory, `${frame.name}.json`), text);
}
