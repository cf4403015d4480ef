// results.js BINARIES DIRECTORY MINUTES: lets the stage play for so long and writes what its pictures are
// made of.

import { writeAll } from './pictures.js';
import { sleep, Stage } from './stage.js';

const [binaries, directory, minutes] = process.argv.slice(2);
if (!binaries || !directory || !minutes) throw new Error('usage: results.js BINARIES DIRECTORY MINUTES');

const seconds = 60 * Number(minutes);
const stage = await Stage.set(binaries);
try {
  await sleep(1000 * (seconds - 30));
  // Something is wrong in every fleet; and what is refused in time is not withdrawn yet.
  await stage.admin('fault?kind=rate_limited&api=vast-run&retry_after=20&count=2');
  await sleep(30_000);
  await writeAll(stage.prometheus, directory, seconds);
} finally {
  await stage.strike();
}
