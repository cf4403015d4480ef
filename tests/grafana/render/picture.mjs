// picture.mjs DIRECTORY: draws each dashboard whose results are there, DIRECTORY/NAME.json, into
// DIRECTORY/NAME.png, and fails on what nobody should see.

import { readdirSync, readFileSync } from 'node:fs';

import { open } from './drawing.mjs';

const [directory] = process.argv.slice(2);
const names = readdirSync(directory).flatMap((file) => /^(\w+)\.json$/.exec(file)?.[1] ?? []);
const drawing = await open(directory);
let problems = 0;
try {
  for (const name of names) {
    const picture = JSON.parse(readFileSync(`${directory}/${name}.json`, 'utf8'));
    for (const problem of await drawing.draw(picture, `${directory}/${name}.png`)) {
      console.error(`${name}: ${problem}`);
      problems += 1;
    }
  }
} finally {
  await drawing.close();
}
console.log(`${names.length} dashboards drawn, ${problems} problems`);
process.exit(names.length === 4 && problems === 0 ? 0 : 1);
