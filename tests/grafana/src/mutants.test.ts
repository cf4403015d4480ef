// The checks can fail: each of these mistakes is found, by the check that is there for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conventions } from './conventions.js';
import { loadAll, panelsOf, type Dashboard, type Panel } from './dashboards.js';
import { lint } from './lint.js';
import { schemaFindings } from './schema.js';

const dashboards = loadAll();
const FLEET = 'serverless-fleet';
const WORKER = 'serverless-worker';

interface Mutant {
  mistake: string;
  in?: string;
  change(dashboard: Dashboard): void;
  finding: RegExp;
}

function panel(dashboard: Dashboard, title: string): Panel {
  const found = panelsOf(dashboard).find((each) => each.title === title);
  assert.ok(found, `no panel ${title}`);
  return found;
}

function variable(dashboard: Dashboard, name: string) {
  const found = dashboard.templating.list.find((each) => each.name === name);
  assert.ok(found, `no variable ${name}`);
  return found;
}

/** Replaces in the first query of a panel, which must have it. */
function inQuery(title: string, from: string | RegExp, to: string) {
  return (dashboard: Dashboard) => {
    const target = panel(dashboard, title).targets![0]!;
    const changed = target.expr.replace(from, to);
    assert.notEqual(changed, target.expr, target.expr);
    target.expr = changed;
  };
}

function options(title: string): (dashboard: Dashboard) => Record<string, any> {
  return (dashboard) => panel(dashboard, title).options;
}

const READY = 'Ready workers';
const GRAPH = 'Workers by status';
const TABLE = 'Endpoints';

const MUTANTS: Mutant[] = [
  // Queries
  {
    mistake: 'a metric that does not exist',
    change: inQuery(READY, 'ready_workers', 'redy_workers'),
    finding: /redy_workers is not in docs/,
  },
  {
    mistake: 'a label in a matcher that the metric has not',
    change: inQuery(READY, 'provider=~', 'vendor=~'),
    finding: /has no label vendor/,
  },
  {
    mistake: 'a label in `by` that the metric has not',
    change: inQuery(GRAPH, 'by (status)', 'by (state)'),
    finding: /none of its metrics has the label state/,
  },
  {
    mistake: 'a status that does not exist',
    change: inQuery('Unhealthy', 'status="unhealthy"', 'status="sick"'),
    finding: /there is no status sick/,
  },
  {
    mistake: 'a sum of all exporters',
    change: inQuery(READY, 'max without (instance, pod) ', ''),
    finding: /counts every exporter that shows it/,
  },
  {
    mistake: 'a count of all exporters',
    in: 'serverless-exporter',
    change: inQuery('Endpoints watched', 'max by (provider, account, endpoint_id) ', ''),
    finding: /serverless_endpoint_info counts every exporter that shows it: count/,
  },
  {
    mistake: 'the last of what all exporters showed',
    in: 'serverless-exporter',
    change: inQuery('Endpoints removed', 'max by (provider, account, endpoint_id) ', ''),
    finding: /serverless_endpoint_info counts every exporter that shows it: count/,
  },
  {
    mistake: 'a bare series',
    change: inQuery(READY, /^sum\(max without \(instance, pod\) \((.*)\)\)$/, '$1'),
    finding: /counts every exporter that shows it: bare/,
  },
  {
    mistake: 'a query that is not closed',
    change: inQuery(READY, /\)$/, ''),
    finding: /target-promql-rule/,
  },
  {
    mistake: 'a misspelt keyword',
    change: inQuery(GRAPH, 'by (', 'bye ('),
    finding: /target-promql-rule/,
  },
  {
    mistake: 'no job',
    change: inQuery(READY, 'job=~"$job", ', ''),
    finding: /target-job-rule/,
  },
  {
    mistake: 'no instance',
    change: inQuery(READY, 'instance=~"$instance", ', ''),
    finding: /target-instance-rule/,
  },
  {
    mistake: 'a job that must be equal to several',
    change: inQuery(READY, 'job=~', 'job='),
    finding: /target-job-rule/,
  },
  {
    mistake: 'a fixed window of a rate',
    change: inQuery('Failed jobs by endpoint', '$__rate_interval', '5m'),
    finding: /target-rate-interval-rule/,
  },
  {
    mistake: 'a counter without a rate',
    change: inQuery('Failed jobs by endpoint', /rate\((.*?)\[\$__rate_interval\]\)/, '$1'),
    finding: /target-counter-agg-rule/,
  },
  {
    mistake: 'a counter’s average',
    change: inQuery('Failed jobs by endpoint', 'rate(', 'avg_over_time('),
    finding: /target-counter-agg-rule/,
  },
  {
    mistake: 'a variable that does not exist',
    change: inQuery(READY, '$endpoint_id', '$endpiont_id'),
    finding: /no variable endpiont_id/,
  },
  {
    mistake: 'a panel that forgets a variable, in all of its queries',
    in: WORKER,
    change: (dashboard) => {
      for (const { targets } of panelsOf(dashboard)) {
        for (const target of targets ?? []) {
          target.expr = target.expr.replaceAll(', worker_id="$worker_id"', '');
        }
      }
    },
    finding: /no panel uses the variable worker_id/,
  },
  // Variables
  {
    mistake: 'a variable that does not narrow the next',
    change: (dashboard) => {
      variable(dashboard, 'account').query =
        'label_values(serverless_account_up{job=~"$job", instance=~"$instance"}, account)';
    },
    finding: /variable account does not depend on provider/,
  },
  {
    mistake: 'a variable that is no PromQL',
    change: (dashboard) => (variable(dashboard, 'job').query = 'label_values(up{, job)'),
    finding: /template-label-promql-rule/,
  },
  {
    mistake: 'a variable of an unknown function',
    change: (dashboard) => (variable(dashboard, 'job').query = 'label_value(up, job)'),
    finding: /template-label-promql-rule.*label_value$/m,
  },
  {
    mistake: 'a variable that does not refresh',
    change: (dashboard) => (variable(dashboard, 'provider').refresh = 1),
    finding: /template-on-time-change-reload-rule/,
  },
  {
    mistake: 'one job only',
    change: (dashboard) => (variable(dashboard, 'job').multi = false),
    finding: /template-job-rule.*not multi/,
  },
  {
    mistake: 'all instances, and those without a name',
    change: (dashboard) => (variable(dashboard, 'instance').allValue = '.*'),
    finding: /template-instance-rule.*allValue/,
  },
  {
    mistake: 'another name of the data source',
    change: (dashboard) => (variable(dashboard, 'datasource').name = 'ds'),
    finding: /template-datasource-rule/,
  },
  {
    mistake: 'a Loki data source',
    change: (dashboard) => (variable(dashboard, 'datasource').query = 'loki'),
    finding: /target-logql-rule/,
  },
  // Panels
  {
    mistake: 'a fixed data source',
    change: (dashboard) => (panel(dashboard, GRAPH).datasource!.uid = 'prometheus'),
    finding: /panel-datasource-rule/,
  },
  {
    mistake: 'no description',
    change: (dashboard) => (panel(dashboard, READY).description = ''),
    finding: /panel-title-description-rule/,
  },
  {
    mistake: 'a unit that Grafana does not know',
    change: (dashboard) => (panel(dashboard, GRAPH).fieldConfig.defaults.unit = 'seconds'),
    finding: /panel-units-rule/,
  },
  {
    mistake: 'a column’s unit that Grafana does not know',
    change: (dashboard) => {
      panel(dashboard, TABLE)
        .fieldConfig.overrides.flatMap(({ properties }) => properties)
        .find(({ id }) => id === 'unit')!.value = 'dollars';
    },
    finding: /panel-units-rule/,
  },
  {
    mistake: 'an id as a number',
    change: (dashboard) => (panel(dashboard, TABLE).fieldConfig.defaults.unit = 'short'),
    finding: /a label is no number/,
  },
  {
    mistake: 'no query',
    change: (dashboard) => (panel(dashboard, READY).targets = []),
    finding: /panel-no-targets-rule/,
  },
  {
    mistake: 'a dashboard that can be edited',
    change: (dashboard) => (dashboard.editable = true),
    finding: /uneditable-dashboard/,
  },
  {
    mistake: 'an id twice',
    change: (dashboard) => (panel(dashboard, READY).id = panel(dashboard, GRAPH).id),
    finding: /id \d+ twice/,
  },
  {
    mistake: 'a refId twice',
    change: (dashboard) => (panel(dashboard, TABLE).targets![1]!.refId = 'A'),
    finding: /refId A twice/,
  },
  {
    mistake: 'panels on top of each other',
    change: (dashboard) => (panel(dashboard, GRAPH).gridPos.w = 20),
    finding: /overlap/,
  },
  {
    mistake: 'a panel that leaves the grid',
    change: (dashboard) => (panel(dashboard, TABLE).gridPos.w = 25),
    finding: /outside of the grid/,
  },
  {
    mistake: 'a stat of a range',
    change: (dashboard) => (panel(dashboard, READY).targets![0]!.range = true),
    finding: /shows the last value of what has gone/,
  },
  {
    mistake: 'nothing said where there is nothing',
    change: (dashboard) => delete panel(dashboard, READY).fieldConfig.defaults.noValue,
    finding: /says nothing/,
  },
  {
    mistake: 'a colour of numbers where there is none',
    change: (dashboard) => {
      panel(dashboard, READY).fieldConfig.defaults.mappings = [];
    },
    finding: /no mapping for null/,
  },
  {
    mistake: 'thresholds as colours of a state timeline',
    in: WORKER,
    change: (dashboard) => {
      (panel(dashboard, 'Status over time').fieldConfig.defaults as any).color.mode = 'thresholds';
    },
    finding: /loses the colours/,
  },
  {
    mistake: 'a status in another colour',
    change: (dashboard) => {
      const found = panel(dashboard, GRAPH).fieldConfig.overrides.find(
        ({ matcher }) => matcher.options === 'unhealthy',
      )!;
      found.properties[0]!.value = { mode: 'fixed', fixedColor: '#00ff00' };
    },
    finding: /unhealthy is #00ff00/,
  },
  {
    mistake: 'a status without a colour',
    change: (dashboard) => panel(dashboard, GRAPH).fieldConfig.overrides.pop(),
    finding: /has no colour/,
  },
  // Tables
  {
    mistake: 'a column of a query that is not there',
    change: (dashboard) => panel(dashboard, TABLE).targets!.pop(),
    finding: /no query makes Value #/,
  },
  {
    mistake: 'a query whose column has no name',
    change: (dashboard) => {
      const organize = panel(dashboard, TABLE).transformations!.find(({ id }) => id === 'organize')!;
      delete organize.options['renameByName']!['Value #A'];
    },
    finding: /Value #A has no name/,
  },
  {
    mistake: 'an override for a column that is not there',
    change: (dashboard) => {
      panel(dashboard, TABLE).fieldConfig.overrides[0]!.matcher.options = 'Endpiont';
    },
    finding: /which is nowhere/,
  },
  {
    mistake: 'two columns of one name',
    change: (dashboard) => {
      const organize = panel(dashboard, TABLE).transformations!.find(({ id }) => id === 'organize')!;
      organize.options['renameByName']!['Value #A'] = 'Unhealthy';
    },
    finding: /"Unhealthy" twice/,
  },
  {
    mistake: 'a table of a range',
    change: (dashboard) => (panel(dashboard, TABLE).targets![0]!.instant = false),
    finding: /is not instant, or no table/,
  },
  // Links
  {
    mistake: 'a link to a dashboard that is not there',
    change: (dashboard) => (dashboard.links[0]!.url = '/d/serverless-endpoints?'),
    finding: /there is no dashboard serverless-endpoints/,
  },
  {
    mistake: 'a link that sets what is not there',
    change: (dashboard) => (dashboard.links[0]!.url += '&var-worker_id=x'),
    finding: /has no variable worker_id/,
  },
  {
    mistake: 'a link that passes "All" to one value',
    change: (dashboard) => (dashboard.links[0]!.url += '&${provider:queryparam}'),
    finding: /cannot show all of provider/,
  },
  {
    mistake: 'a link from a column that is not there',
    change: (dashboard) => {
      const links = panel(dashboard, TABLE)
        .fieldConfig.overrides.flatMap(({ properties }) => properties)
        .find(({ id }) => id === 'links')!.value as { url: string }[];
      links[0]!.url = links[0]!.url.replace('fields.Account', 'fields.account');
    },
    finding: /there is no column account/,
  },
  {
    mistake: 'a link from a label that is not there',
    change: (dashboard) => {
      const link = panel(dashboard, 'Jobs waiting by endpoint').fieldConfig.defaults.links![0]!;
      link.url = link.url.replace('labels.endpoint_id', 'labels.endpoint');
    },
    finding: /its series have no label endpoint/,
  },
  // The form
  {
    mistake: 'a misspelt key of a dashboard',
    change: (dashboard) => ((dashboard as any).titel = 'x'),
    finding: /must NOT have additional properties: titel/,
  },
  {
    mistake: 'a misspelt option',
    change: (dashboard) => (options(GRAPH)(dashboard)['legend'].placement = 'botom'),
    finding: /legend\/placement must be/,
  },
  {
    mistake: 'a misspelt key of a style',
    change: (dashboard) => (panel(dashboard, GRAPH).fieldConfig.defaults.custom!['fillOpacityy'] = 1),
    finding: /must NOT have additional properties: fillOpacityy/,
  },
  {
    mistake: 'a style that does not exist',
    change: (dashboard) => (panel(dashboard, GRAPH).fieldConfig.defaults.custom!['drawStyle'] = 'lines'),
    finding: /drawStyle must be/,
  },
  {
    mistake: 'a width that is a text',
    change: (dashboard) => ((panel(dashboard, GRAPH).gridPos as any).w = '3'),
    finding: /gridPos\/w must be/,
  },
  {
    mistake: 'a kind of panel that does not exist',
    change: (dashboard) => (panel(dashboard, GRAPH).type = 'timeserie'),
    finding: /no schema for the type timeserie/,
  },
];

function findings(dashboard: Dashboard): string[] {
  const all = dashboards.map((other) => (other.uid === dashboard.uid ? dashboard : other));
  return [...schemaFindings(dashboard), ...lint(dashboard), ...conventions(dashboard, all)];
}

for (const mutant of MUTANTS) {
  test(`${mutant.mistake} is found`, () => {
    const whole = dashboards.find(({ uid }) => uid === (mutant.in ?? FLEET));
    assert.ok(whole);
    const dashboard = structuredClone(whole);
    mutant.change(dashboard);
    assert.match(findings(dashboard).join('\n'), mutant.finding);
  });
}
