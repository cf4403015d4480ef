import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conventions, leadsTo, linksOfRules, pageColours } from './conventions.js';
import { contract } from './contract.js';
import { coverage, inRules, onDashboards } from './coverage.js';
import { loadAll, read } from './dashboards.js';
import { RULES } from './lint.js';
import { schemaFindings } from './schema.js';

const dashboards = loadAll();

test('there are four dashboards', () => {
  assert.deepEqual(
    dashboards.map(({ uid }) => uid),
    ['serverless-endpoint', 'serverless-exporter', 'serverless-fleet', 'serverless-worker'],
  );
});

test('the contract has been read', () => {
  const metrics = contract();
  assert.ok(metrics.size > 100, `${metrics.size} metrics`);
  assert.deepEqual(metrics.get('serverless_group_workers'), {
    name: 'serverless_group_workers',
    type: 'gauge',
    labels: ['provider', 'account', 'endpoint_id', 'group_id', 'status'],
  });
  assert.ok(![...pageColours().values()].includes('none'), 'a status has no colour on the page');
});

test('they are what Grafana’s types say', () => {
  assert.deepEqual(dashboards.flatMap(schemaFindings), []);
});

assert.equal(Object.keys(RULES).length, 17);
for (const [name, rule] of Object.entries(RULES)) {
  test(`${name} finds nothing`, () => {
    assert.deepEqual(dashboards.flatMap(rule), []);
  });
}

test('they follow our conventions', () => {
  assert.deepEqual(
    dashboards.flatMap((dashboard) => conventions(dashboard, dashboards)),
    [],
  );
});

test('each leads to the others: down by what is clicked, up by the links at the top', () => {
  const ways = Object.fromEntries(dashboards.map((d) => [d.uid, [...leadsTo(d)].sort()]));
  assert.deepEqual(ways, {
    'serverless-endpoint': ['serverless-exporter', 'serverless-fleet', 'serverless-worker'],
    'serverless-exporter': ['serverless-endpoint', 'serverless-fleet'],
    'serverless-fleet': ['serverless-endpoint', 'serverless-exporter'],
    'serverless-worker': ['serverless-endpoint', 'serverless-exporter', 'serverless-fleet'],
  });
});

test('an alert leads to a dashboard that can show what it is about', () => {
  const rules = read('prometheus/serverless_exporter.rules.yml');
  assert.match(rules, /\/d\/serverless-endpoint\?var-provider=/);
  assert.deepEqual(linksOfRules(rules, dashboards), []);
  assert.deepEqual(linksOfRules('u: http://g/d/serverless-worker?var-worker=x\nv: /d/a?', dashboards), [
    'serverless-worker has no variable worker',
    'there is no dashboard a',
  ]);
});

test('every metric is on a panel, in a rule, or left out for a reason', () => {
  assert.deepEqual(coverage(new Set([...onDashboards(dashboards), ...inRules()])), []);
});

test('a metric that nobody uses is reported, with what to do', () => {
  const metrics = contract();
  metrics.set('serverless_new_total', { name: 'serverless_new_total', type: 'counter', labels: [] });
  const names = new Set([...onDashboards(dashboards), ...inRules()]);
  assert.deepEqual(
    coverage(names, metrics).map((finding) => finding.split(' ')[0]),
    ['serverless_new_total'],
  );
  assert.match(coverage(names, metrics)[0]!, /npm run generate.*coverage\.ts/);
  assert.deepEqual(coverage(names, contract(), { serverless_gone: '', process_open_fds: '' }).slice(-2), [
    'process_open_fds is listed as unused and is used: take it off the list.',
    'serverless_gone is listed as unused and does not exist: take it off the list.',
  ]);
});
