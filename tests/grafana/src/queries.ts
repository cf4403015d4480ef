// queries.js BINARIES DIRECTORY: runs every query of every dashboard on a real Prometheus that scrapes
// real exporters of the simulated fleet, and looks at what comes back. In the end it writes to DIRECTORY
// what pictures are made of.

import { loadAll, panelsOf, placeOf, type Dashboard, type Panel } from './dashboards.js';
import {
  choicesOf,
  columnsOf,
  interpolate,
  legend,
  organizeOf,
  type Choice,
  type Times,
} from './grafana.js';
import { writeAll } from './pictures.js';
import type { Series } from './prometheus.js';
import { jobOf, SERVICES, sleep, Stage } from './stage.js';

const [binaries, directory] = process.argv.slice(2);
if (!binaries || !directory) throw new Error('usage: queries.js BINARIES DIRECTORY');

/** Where nothing is right at first; what fills each is switched on in the second act. */
const EMPTY_AT_FIRST: Record<string, string> = {
  'serverless-endpoint: Views differ, A': 'the fault views_disagree',
  'serverless-exporter: Failed polls a minute by reason, A': 'the fault rate_limited',
  'serverless-exporter: Left alone for, A': 'the fault rate_limited',
  'serverless-exporter: annotation Exporter started': 'an exporter is restarted',
  'serverless-endpoint: annotation Rollout': 'simulated time jumps over a rollout',
  'serverless-worker: annotation Rollout': 'simulated time jumps over a rollout',
  'serverless-fleet: annotation Alerts': 'the fault rate_limited',
  'serverless-exporter: annotation Alerts': 'the fault rate_limited',
  'serverless-endpoint: annotation Alerts': 'the fault rate_limited',
  'serverless-worker: annotation Alerts': 'the fault rate_limited',
};

/** What the simulated fleet has none of. */
const NEVER: Record<string, string> = {
  'serverless-worker: Times, D': 'no simulated machine has maintenance',
  'serverless-worker: Times, E': 'no simulated machine has maintenance',
};

/** Where two exporters rightly show more than one: what all of them did together, on purpose. */
const TOGETHER = new Set([
  'serverless-exporter: Requests a minute, A',
  'serverless-exporter: Answers a minute by code, A',
  // Of each row the exporter that was refused more often, and it is not the same for all rows.
  'serverless-exporter: Data by endpoint and source, H',
]);

const PATIENCE_S = 120;
const RATE = '10s';

interface Run {
  dashboard: Dashboard;
  choice: Choice;
  panel: Panel;
  results: { refId: string; place: string; series: Series[] }[];
}

const dashboards = loadAll();
const findings: string[] = [];

function times(): Times {
  return { now: Date.now() / 1000, range: 30, rate: RATE };
}

async function runAnnotations(stage: Stage, choices: Map<Dashboard, Choice[]>, filled: Set<string>) {
  for (const dashboard of dashboards) {
    for (const annotation of dashboard.annotations.list.filter(({ expr }) => expr)) {
      const place = `${dashboard.uid}: annotation ${annotation.name}`;
      for (const choice of choices.get(dashboard)!) {
        if (filled.has(place)) break;
        const at = times();
        const query = interpolate(annotation.expr, dashboard, choice, at);
        const series = await stage.prometheus.range(query, at.now, at.range).catch((error: Error) => {
          findings.push(`${place}: ${error.message}: ${query}`);
          return [];
        });
        if (series.length) filled.add(place);
      }
    }
  }
}

async function runPanel(
  stage: Stage,
  dashboard: Dashboard,
  choice: Choice,
  panel: Panel,
  at: Times,
): Promise<Run> {
  const results: Run['results'] = [];
  for (const target of panel.targets ?? []) {
    const place = placeOf(dashboard, panel, target);
    const query = interpolate(target.expr, dashboard, choice, at);
    const series = await (
      target.instant
        ? stage.prometheus.instant(query, at.now)
        : stage.prometheus.range(query, at.now, at.range)
    ).catch((error: Error) => {
      findings.push(`${place}: ${error.message}: ${query}`);
      return [];
    });
    results.push({ refId: target.refId, place, series });
  }
  return { dashboard, choice, panel, results };
}

async function allChoices(stage: Stage): Promise<Map<Dashboard, Choice[]>> {
  const choices = new Map<Dashboard, Choice[]>();
  for (const dashboard of dashboards) {
    choices.set(dashboard, await choicesOf(dashboard, stage.prometheus, times(), 4));
  }
  return choices;
}

async function runAll(stage: Stage): Promise<{ runs: Run[]; filled: Set<string> }> {
  const choices = await allChoices(stage);
  const runs: Run[] = [];
  const filled = new Set<string>();
  for (const dashboard of dashboards) {
    for (const choice of choices.get(dashboard)!) {
      for (const panel of panelsOf(dashboard)) {
        const run = await runPanel(stage, dashboard, choice, panel, times());
        runs.push(run);
        for (const { place, series } of run.results) if (series.length) filled.add(place);
      }
    }
  }
  await runAnnotations(stage, choices, filled);
  return { runs, filled };
}

function allPlaces(): string[] {
  return dashboards.flatMap((dashboard) => [
    ...panelsOf(dashboard).flatMap((panel) =>
      (panel.targets ?? []).map((target) => placeOf(dashboard, panel, target)),
    ),
    ...dashboard.annotations.list
      .filter(({ expr }) => expr)
      .map(({ name }) => `${dashboard.uid}: annotation ${name}`),
  ]);
}

/** Runs all until each of the places has shown something, which may take some polls. */
async function until(stage: Stage, places: string[]): Promise<Run[]> {
  const seen = new Set<string>();
  let runs: Run[] = [];
  for (const end = Date.now() + PATIENCE_S * 1000; ; await sleep(3000)) {
    const all = await runAll(stage);
    runs = all.runs;
    for (const place of all.filled) seen.add(place);
    const missing = places.filter((place) => !seen.has(place));
    if (missing.length === 0) return runs;
    if (findings.length || Date.now() > end) {
      findings.push(...missing.map((place) => `${place}: always empty`));
      return runs;
    }
  }
}

function finite(run: Run): string[] {
  return run.results.flatMap(({ place, series }) =>
    // A quantile of no observation is NaN, which Grafana shows as a gap; in a table or a stat as NaN.
    series.some(({ values }) =>
      values.some((value) => !Number.isFinite(value) && !(Number.isNaN(value) && values.length > 1)),
    )
      ? [`${place}: shows what is no number`]
      : [],
  );
}

function legends({ panel, results, dashboard }: Run): string[] {
  if (panel.type === 'table' || panel.type === 'stat') return [];
  const names = results.flatMap(({ refId, series }) => {
    const format = panel.targets!.find((target) => target.refId === refId)!.legendFormat ?? '';
    return series.map(({ labels }) => legend(format, labels));
  });
  return names
    .filter((name, i) => name === '' || names.indexOf(name) !== i)
    .map((name) => `${placeOf(dashboard, panel)}: "${name}" names two series, or none`);
}

function single({ panel, results }: Run): string[] {
  if (panel.type !== 'stat') return [];
  return results
    .filter(({ series }) => series.length > 1)
    .map(({ place, series }) => `${place}: ${series.length} numbers for one`);
}

function states({ dashboard, panel, results }: Run): string[] {
  if (panel.type !== 'state-timeline') return [];
  const known = (panel.fieldConfig.defaults.mappings ?? []).flatMap(({ options }) =>
    Object.keys(options).map(Number),
  );
  const values = results.flatMap(({ series }) => series.flatMap((each) => each.values));
  return [...new Set(values.filter((value) => !known.includes(value)))].map(
    (value) => `${placeOf(dashboard, panel)}: ${value} is no state`,
  );
}

/** A label that a query leaves and nobody named would be a column with a strange name. */
function columns({ panel, results, dashboard }: Run): string[] {
  if (panel.type !== 'table') return [];
  const { excludeByName, renameByName } = organizeOf(panel);
  const strange = [...columnsOf(results)].filter(
    (column) => !(column in excludeByName) && !(column in renameByName),
  );
  return strange.map((column) => `${placeOf(dashboard, panel)}: nobody named the column ${column}`);
}

/** Labels that are told only on request. */
const OPTIONAL = new Set(['image', 'name']);

/** Over all choices: each column and each label of a legend was there at least once. */
function neverThere(runs: Run[]): string[] {
  const seen = new Map<Panel, Set<string>>();
  for (const { panel, results } of runs) {
    const columns = seen.get(panel) ?? new Set<string>();
    columnsOf(results).forEach((column) => columns.add(column));
    seen.set(panel, columns);
  }
  return dashboards.flatMap((dashboard) =>
    panelsOf(dashboard).flatMap((panel) => {
      const there = seen.get(panel) ?? new Set<string>();
      const wanted =
        panel.type === 'table'
          ? Object.keys(organizeOf(panel).renameByName).filter(
              (column) =>
                !(placeOf(dashboard, panel) + column.replace('Value #', ', ') in NEVER),
            )
          : (panel.targets ?? [])
              .filter((target) => !(placeOf(dashboard, panel, target) in EMPTY_AT_FIRST))
              .flatMap(({ legendFormat = '' }) => [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((found) => found[1]!),
            );
      return wanted
        .filter((name) => !there.has(name) && !OPTIONAL.has(name))
        .map((name) => `${placeOf(dashboard, panel)}: ${name} was never there`);
    }),
  );
}

function total(series: Series[]): number {
  return series.reduce((sum, { values }) => sum + Math.abs(values.at(-1) ?? 0), 0);
}

/** Whether a panel shows each exporter for itself. */
function isOfEach({ targets = [] }: Panel): boolean {
  return targets.some(({ expr }) => /\bby \([^)]*\binstance\b/.test(expr));
}

/**
 * Two exporters of one fleet show no more than the one that shows more. Simulated time has to stand
 * still: what they see is the same then, but not when they see it, nor whom a quota refuses.
 */
async function notDoubled(stage: Stage): Promise<void> {
  const alike = `serverless_exporter_build_info{job="${jobOf(SERVICES.alike)}"}`;
  const instances = await stage.prometheus.labelValues(alike, 'instance');
  for (const [dashboard, choices] of await allChoices(stage)) {
    for (const choice of choices.slice(0, 6)) {
      for (const panel of panelsOf(dashboard).filter((each) => !isOfEach(each))) {
        const at = times();
        const both = await runPanel(stage, dashboard, { ...choice, instance: instances }, panel, at);
        const each = await Promise.all(
          instances.map((instance) =>
            runPanel(stage, dashboard, { ...choice, instance: [instance] }, panel, at),
          ),
        );
        both.results.forEach(({ place, series }, i) => {
          const two = total(series);
          const alone = Math.max(...each.map(({ results }) => total(results[i]!.series)));
          if (two > 1.6 * alone + 0.5 && !TOGETHER.has(place)) {
            findings.push(`${place}: ${two} with two exporters, ${alone} with one`);
          }
        });
      }
    }
  }
}

async function play(stage: Stage): Promise<void> {
  const places = allPlaces();
  for (const place of [...Object.keys(EMPTY_AT_FIRST), ...Object.keys(NEVER)]) {
    if (!places.includes(place)) findings.push(`${place} is listed and does not exist`);
  }
  const soon = places.filter((place) => !(place in EMPTY_AT_FIRST) && !(place in NEVER));
  const runs = await until(stage, soon);
  console.log(`${soon.length} queries have an answer; ${runs.length} panels were filled`);
  for (const check of [finite, legends, single, states, columns]) findings.push(...runs.flatMap(check));
  findings.push(...neverThere(runs));
  if (findings.length) return;

  await stage.admin('freeze');
  await sleep(15_000);
  await notDoubled(stage);
  await stage.admin('thaw');

  // Versions of endpoints live for 4 minutes there.
  await stage.admin('advance?seconds=240');
  await stage.admin('fault?kind=views_disagree&api=runpod-queue');
  await stage.admin('fault?kind=rate_limited&api=vast-run&retry_after=60');
  await stage.admin('fault?kind=status&api=den');
  await stage.restartExporter(`${SERVICES.alike}-1`);
  await until(stage, Object.keys(EMPTY_AT_FIRST));
  console.log(`${Object.keys(EMPTY_AT_FIRST).length} more were looked for with faults`);
}

const stage = await Stage.set(binaries);
const began = Date.now();
try {
  await play(stage);
  await writeAll(stage.prometheus, directory, (Date.now() - began) / 1000);
} finally {
  await stage.strike();
}
for (const finding of new Set(findings)) console.error(finding);
console.log(`${allPlaces().length} queries, ${new Set(findings).size} findings`);
process.exit(findings.length ? 1 : 0);
