// How many endpoints there are does not depend on how many exporters watch them, or divide them: promtool
// evaluates the panels that say so over the series of each kind.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadAll, panelsOf } from './dashboards.js';
import { interpolate } from './grafana.js';

const MINUTES = 60;

const dashboard = loadAll().find(({ uid }) => uid === 'serverless-exporter')!;

function expression(title: string): string {
  const panel = panelsOf(dashboard).find((each) => each.title === title)!;
  const all = Object.fromEntries(dashboard.templating.list.map(({ name }) => [name, []]));
  return interpolate(panel.targets![0]!.expr, dashboard, all, {
    now: 0,
    range: MINUTES * 60,
    rate: '5m',
  });
}

/** Values as promtool takes them: a sample a minute. */
const STAYS = `1x${MINUTES}`;
const GOES = '1x19 stale';
const COMES = `_x10 1x${MINUTES}`;
const NONE = `0x${MINUTES}`;
const ONE_REMOVED = `0x19 1x${MINUTES}`;

/** By exporter: its endpoints by id and name, how many it has, and how many it dropped. */
interface Exporter {
  endpoints: Record<string, string>;
  removed: string;
}

function seriesOf(exporters: Exporter[]) {
  return exporters.flatMap(({ endpoints, removed }, i) => {
    const base = `job="j",instance="${i}",pod="p${i}",provider="runpod",account="prod"`;
    return [
      { series: `serverless_account_endpoints{${base}}`, values: NONE },
      { series: `serverless_account_endpoints_removed_total{${base}}`, values: removed },
      ...Object.entries(endpoints).map(([key, values]) => {
        const [id, name = id] = key.split(' ');
        const labels = `${base},endpoint_id="${id}",name="${name}"`;
        return { series: `serverless_endpoint_info{${labels}}`, values };
      }),
    ];
  });
}

interface Case {
  what: string;
  exporters: Exporter[];
  watched?: number;
  removed?: number;
}

const CASES: Case[] = [
  {
    what: 'two exporters that watch the same, and one has not heard of a new name yet',
    exporters: [
      { endpoints: { e1: STAYS, e2: STAYS, e3: GOES }, removed: ONE_REMOVED },
      { endpoints: { 'e1 renamed': STAYS, e2: STAYS, e3: GOES }, removed: ONE_REMOVED },
    ],
    watched: 2,
    removed: 1,
  },
  {
    what: 'two shards, of which each has its own',
    exporters: [
      { endpoints: { e1: STAYS, e3: GOES }, removed: ONE_REMOVED },
      { endpoints: { e2: STAYS, e4: GOES }, removed: ONE_REMOVED },
    ],
    watched: 2,
    removed: 2,
  },
  {
    what: 'two members of a cluster, of which one has taken an endpoint over',
    exporters: [
      { endpoints: { e1: GOES, e2: STAYS }, removed: NONE },
      { endpoints: { e1: COMES, e3: GOES }, removed: ONE_REMOVED },
    ],
    watched: 2,
    removed: 1,
  },
  {
    what: 'a shard that was stopped has removed nothing',
    exporters: [
      { endpoints: { e1: STAYS }, removed: NONE },
      { endpoints: { e2: GOES }, removed: '0x19 stale' },
    ],
    watched: 1,
    removed: 0,
  },
  {
    what: 'an account without an endpoint has none',
    exporters: [{ endpoints: {}, removed: NONE }],
    watched: 0,
    removed: 0,
  },
  { what: 'without an exporter nothing is known', exporters: [] },
];

test('endpoints are counted once, however many exporters there are', () => {
  const directory = mkdtempSync(join(tmpdir(), 'counts-'));
  const expect = (title: string, value: number | undefined) => ({
    expr: expression(title),
    eval_time: `${MINUTES}m`,
    exp_samples: value === undefined ? [] : [{ labels: '{}', value }],
  });
  try {
    const file = join(directory, 'counts.yml');
    const tests = CASES.map(({ what, exporters, watched, removed }) => ({
      name: what,
      interval: '1m',
      input_series: seriesOf(exporters),
      promql_expr_test: [
        expect('Endpoints watched', watched),
        expect('Endpoints removed', removed),
      ],
    }));
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ rule_files: [], evaluation_interval: '1m', tests }));
    const told = execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
    assert.match(told, /SUCCESS/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
