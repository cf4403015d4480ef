// results.js BINARIES DIRECTORY MINUTES: lets the stage play for so long and writes for each dashboard
// a JSON file of its panels with the results of their queries, from which it can be drawn.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { loadAll, type Dashboard, type Panel } from './dashboards.js';
import { choicesOf, interpolate, type Choice, type Times } from './grafana.js';
import type { Series } from './prometheus.js';
import { sleep, Stage } from './stage.js';

const [binaries, directory, minutes] = process.argv.slice(2);
if (!binaries || !directory || !minutes) throw new Error('usage: results.js BINARIES DIRECTORY MINUTES');

const STEP_S = 2;
const seconds = 60 * Number(minutes);

/** One that has much to show. */
const LIKED: Record<string, Record<string, string>> = {
  'serverless-endpoint': { provider: 'runpod', account: 'prod' },
  'serverless-worker': { provider: 'vast', account: 'batch' },
};

function liked(dashboard: Dashboard, choices: Choice[]): Choice {
  const wanted = Object.entries(LIKED[dashboard.uid] ?? {});
  const found = choices.find((choice) => wanted.every(([name, value]) => choice[name]?.[0] === value));
  if (!found) throw new Error(`${dashboard.uid}: nothing to choose from`);
  return found;
}

/** Prometheus leaves out what is not there; a graph would draw a line across. */
function withGaps({ labels, times, values }: Series, { now, range }: Times) {
  const grid = Array.from({ length: range / STEP_S + 1 }, (_, i) => now - range + i * STEP_S);
  const at = new Map(times.map((time, i) => [time, values[i]!]));
  return { labels, times: grid, values: grid.map((time) => at.get(time) ?? null) };
}

async function results(stage: Stage, dashboard: Dashboard, choice: Choice, panel: Panel, times: Times) {
  return Promise.all(
    (panel.targets ?? []).map(async (target) => {
      const query = interpolate(target.expr, dashboard, choice, times);
      const series = target.instant
        ? await stage.prometheus.instant(query, times.now)
        : (await stage.prometheus.range(query, times.now, times.range, STEP_S)).map((each) =>
            withGaps(each, times),
          );
      return {
        refId: target.refId,
        format: target.format,
        instant: target.instant,
        legend: target.legendFormat,
        series,
      };
    }),
  );
}

const stage = await Stage.set(binaries);
try {
  await sleep(1000 * (seconds - 30));
  // Something is wrong in every fleet; and what is refused in time is not withdrawn yet.
  await stage.admin('fault?kind=rate_limited&api=vast-run&retry_after=20&count=2');
  await sleep(30_000);
  const times: Times = { now: Math.floor(Date.now() / 1000), range: seconds, rate: '20s' };
  for (const dashboard of loadAll()) {
    const choice = liked(dashboard, await choicesOf(dashboard, stage.prometheus, times, 100));
    const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    const drawn = [];
    for (const panel of panels) {
      drawn.push({ panel, results: await results(stage, dashboard, choice, panel, times) });
    }
    const picture = {
      title: dashboard.title,
      variables: dashboard.templating.list
        .filter(({ type }) => type === 'query')
        .map(({ name, label }) => ({ label: label ?? name, text: choice[name]?.[0] ?? 'All' })),
      from: times.now - times.range,
      to: times.now,
      panels: drawn,
    };
    const name = dashboard.uid.replace('serverless-', '');
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(picture));
  }
} finally {
  await stage.strike();
}
