// What a picture of a dashboard is made of: its panels with the results of their queries.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { loadAll, type Dashboard, type Panel } from './dashboards.js';
import { choicesOf, interpolate, type Choice, type Times } from './grafana.js';
import type { Prometheus, Series } from './prometheus.js';

const STEP_S = 2;

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

async function results(prometheus: Prometheus, dashboard: Dashboard, choice: Choice, panel: Panel, times: Times) {
  return Promise.all(
    (panel.targets ?? []).map(async (target) => {
      const query = interpolate(target.expr, dashboard, choice, times);
      const series = target.instant
        ? await prometheus.instant(query, times.now)
        : (await prometheus.range(query, times.now, times.range, STEP_S)).map((each) =>
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

async function picture(prometheus: Prometheus, dashboard: Dashboard, times: Times) {
  const choice = liked(dashboard, await choicesOf(dashboard, prometheus, times, 100));
  const panels = [];
  for (const panel of dashboard.panels.flatMap((each) => [each, ...(each.panels ?? [])])) {
    panels.push({ panel, results: await results(prometheus, dashboard, choice, panel, times) });
  }
  return {
    title: dashboard.title,
    variables: dashboard.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, label }) => ({ label: label ?? name, text: choice[name]?.[0] ?? 'All' })),
    from: times.now - times.range,
    to: times.now,
    panels,
  };
}

/** Writes a JSON file for each dashboard, of so many seconds before now. */
export async function writeAll(prometheus: Prometheus, directory: string, seconds: number): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const times: Times = { now, range: STEP_S * Math.round(seconds / STEP_S), rate: '20s' };
  mkdirSync(directory, { recursive: true });
  for (const dashboard of loadAll()) {
    const name = dashboard.uid.replace('serverless-', '');
    const made = await picture(prometheus, dashboard, times);
    // JSON has no NaN and would make it null, which is drawn as nothing.
    const text = JSON.stringify(made, (_, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    );
    writeFileSync(join(directory, `${name}.json`), text);
  }
}
