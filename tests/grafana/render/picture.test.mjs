// Each mistake that nobody should see on a dashboard is found: on panels of ours, with results made up.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { open } from './drawing.mjs';

const PANELS = ['fleet', 'endpoint'].flatMap((name) => {
  const path = new URL(`../../../grafana/dashboards/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).panels;
});
const NOW = 1_700_000_000;

let directory;
let drawing;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pictures-'));
  drawing = await open(directory);
});
after(async () => {
  await drawing.close();
  rmSync(directory, { recursive: true });
});

const LINE = [1, 2, 3];

/** A panel of that type with one series, as `change` makes it. */
function part(title, type, values, change = () => {}) {
  const panel = structuredClone(PANELS.find((each) => each.type === type));
  panel.title = title;
  panel.fieldConfig.overrides = [];
  change(panel);
  const times = values.map((_, i) => NOW - values.length + i);
  const series = values.length ? [{ labels: { worker_id: 'w1', status: 'idle' }, times, values }] : [];
  return { panel, results: [{ refId: 'A', legend: '{{worker_id}}', series }] };
}

function problemsOf(parts) {
  const panels = parts.map(({ panel, results }, i) => ({
    panel: { ...panel, id: i, gridPos: { x: 12 * (i % 2), y: 8 * Math.floor(i / 2), w: 12, h: 8 } },
    results,
  }));
  return drawing.draw({ title: 'x', variables: [], from: NOW - 60, to: NOW, panels });
}

test('nothing is found where nothing is wrong, or nothing is there and that is said', async () => {
  const kinds = { stat: [1], bargauge: [1], table: [1], timeseries: LINE, 'state-timeline': LINE };
  const parts = Object.entries(kinds).flatMap(([type, values]) => [
    part(`a ${type}`, type, values),
    part(`an empty ${type}`, type, []),
  ]);
  assert.deepEqual(await problemsOf(parts), []);
});

test('each mistake is found', async () => {
  const mistakes = [
    part('an id as a number', 'stat', [1_234_567], (panel) => (panel.fieldConfig.defaults.unit = 'short')),
    part('no number', 'table', ['NaN'], (panel) => (panel.fieldConfig.defaults.unit = 'none')),
    part('an unknown kind', 'stat', [1], (panel) => (panel.type = 'piechart')),
    part('an unknown transformation', 'table', [1], (panel) => (panel.transformations = [{ id: 'x' }])),
    part('a table of nothing', 'table', [1], ({ transformations }) => {
      const { options } = transformations.find(({ id }) => id === 'organize');
      options.excludeByName = { Time: true, Value: true, worker_id: true, status: true };
    }),
    part('a narrow column', 'table', [1], (panel) => {
      panel.fieldConfig.defaults.custom.width = 30;
      panel.transformations = [];
    }),
    part('lines without names', 'timeseries', LINE, (panel) => (panel.options.legend.showLegend = false)),
    part('a line that is not drawn', 'timeseries', LINE, (panel) => {
      Object.assign(panel.fieldConfig.defaults.custom, { lineWidth: 0, fillOpacity: 0, showPoints: 'never' });
    }),
    part('a timeline of nothing', 'state-timeline', [null]),
    part('a title that is longer than its panel '.repeat(5), 'stat', [1]),
  ];
  assert.deepEqual(await problemsOf(mistakes), [
    'a table of nothing: no row',
    'a narrow column: cut off: Time, status, worker_id, Value',
    'lines without names: 0 names for 1 lines',
    'a line that is not drawn: no line',
    'a timeline of nothing: no colour',
    `${'a title that is longer than its panel '.repeat(5)}: its title is cut off`,
    'not drawn: an unknown kind: no drawing for piechart',
    'not drawn: an unknown transformation: no transformation x',
    'shows "NaN"',
    'shows "1.23 Mil"',
  ]);
});
