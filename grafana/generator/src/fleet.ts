// Is there capacity, is anything broken, what does it cost?

import { alerts, type Frame } from './frame.js';
import { ENDPOINT_OF_ROW, ENDPOINT_OF_SERIES } from './links.js';
import {
  BAD_ABOVE_0,
  bars,
  FRESH_WORDS,
  graph,
  ODD_ABOVE_0,
  stat,
  STATUS_COLOURS,
  table,
} from './panels.js';
import { BY_ENDPOINT, max, min, ratio, Selection, sum } from './promql.js';

const q = new Selection('endpoint', false);

const workers = (status: string) => q.one('serverless_endpoint_workers', `status="${status}"`);
const expired = `1 - ${min(q.one('serverless_endpoint_fresh'), BY_ENDPOINT)}`;
const ENDPOINT_LEGEND = '{{name}} ({{endpoint_id}})';

/** Whose series of one endpoint are one already. */
const load = ratio(
  sum(q.one('serverless_endpoint_load'), BY_ENDPOINT),
  sum(q.one('serverless_endpoint_capacity'), BY_ENDPOINT),
);

export const fleet: Frame = {
  name: 'fleet',
  title: 'Serverless / Fleet',
  description: 'Is there capacity, is anything broken, what does it cost? All providers together.',
  selection: q,
  links: [
    { to: 'endpoint', title: 'Endpoint', variables: [] },
    { to: 'exporter', title: 'Exporter', variables: ['provider', 'account'] },
  ],
  annotations: [alerts('provider=~"$provider|", account=~"$account|"')],
  rows: [
    {
      title: 'Is everything well?',
      parts: [
        stat({
          title: 'Ready workers',
          description: 'Workers that are running, idle or active: what serves, or could at once.',
          width: 3,
          expr: sum(q.one('serverless_endpoint_ready_workers')),
          unit: 'none',
        }),
        stat({
          title: 'Unhealthy',
          description: 'Workers that fail. They do not serve, and some providers bill them.',
          width: 3,
          expr: sum(workers('unhealthy')),
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
        stat({
          title: 'Throttled',
          description: 'Workers that wait for the provider to have a machine for them (RunPod).',
          width: 3,
          expr: sum(workers('throttled')),
          unit: 'none',
          steps: ODD_ABOVE_0,
        }),
        stat({
          title: 'Stale',
          description:
            'Workers that are not what they should be: an older version or another image after a rollout, or no heartbeat for 15 minutes (Den).',
          width: 3,
          expr: sum(q.one('serverless_endpoint_stale_workers')),
          unit: 'none',
          steps: ODD_ABOVE_0,
        }),
        stat({
          title: 'Jobs waiting',
          description: 'Jobs in the queues that no worker has taken yet (RunPod).',
          width: 3,
          expr: sum(q.one('serverless_endpoint_jobs_in_queue')),
          unit: 'none',
        }),
        stat({
          title: 'Not served',
          description:
            'Endpoints with jobs in the queue and no worker that could take them (RunPod). For a moment this is a cold start.',
          width: 3,
          expr: `count((${sum(q.one('serverless_endpoint_jobs_in_queue'), BY_ENDPOINT)} > 0) and on (${BY_ENDPOINT}) (${sum(q.one('serverless_endpoint_ready_workers'), BY_ENDPOINT)} == 0)) or 0 * count(${q.one('serverless_endpoint_jobs_in_queue')})`,
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
        stat({
          title: 'Expired data',
          description:
            'Endpoints of which some data are older than their max age. Those series are withdrawn: all other numbers here are without them.',
          width: 3,
          expr: sum(expired),
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
        stat({
          title: 'Refused APIs',
          description:
            'APIs that refused us at the last poll, limited us, or did not answer. They belong to accounts: the choice of an endpoint does not narrow them.',
          width: 3,
          expr: sum(`1 - ${q.one('serverless_account_up')}`),
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
      ],
    },
    {
      title: 'Workers',
      parts: [
        graph({
          title: 'Workers by status',
          description: 'All workers by reconciled status. A gap is data that had expired.',
          width: 16,
          height: 10,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_workers'), 'status'),
              legend: '{{status}}',
            },
          ],
          unit: 'none',
          decimals: 0,
          stacked: true,
          colours: STATUS_COLOURS,
        }),
        graph({
          title: 'Stale workers by reason',
          description:
            'version: an older configuration. image: another image than the template says. heartbeat: silent for 15 minutes (Den).',
          width: 8,
          height: 10,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_stale_workers'), 'reason'),
              legend: '{{reason}}',
            },
          ],
          unit: 'none',
          decimals: 0,
          stacked: true,
        }),
        table({
          title: 'Endpoints',
          description:
            'Every endpoint, the worst first. An empty cell is something that this provider does not tell, or that has expired. A click on the endpoint shows it.',
          width: 24,
          height: 12,
          labels: [
            { label: 'provider', name: 'Provider', width: 100 },
            { label: 'account', name: 'Account', width: 140 },
            { label: 'endpoint_id', name: 'Endpoint', width: 170, link: ENDPOINT_OF_ROW },
            { label: 'name', name: 'Name' },
          ],
          facts: [max(q.one('serverless_endpoint_info'), `${BY_ENDPOINT}, name`)],
          columns: [
            {
              name: 'Ready',
              expr: sum(q.one('serverless_endpoint_ready_workers'), BY_ENDPOINT),
              unit: 'none',
              width: 90,
            },
            {
              name: 'Unhealthy',
              expr: sum(workers('unhealthy'), BY_ENDPOINT),
              unit: 'none',
              steps: BAD_ABOVE_0,
              width: 125,
            },
            {
              name: 'Throttled',
              expr: sum(workers('throttled'), BY_ENDPOINT),
              unit: 'none',
              steps: ODD_ABOVE_0,
              width: 115,
            },
            {
              name: 'Starting',
              expr: sum(workers('initializing'), BY_ENDPOINT),
              unit: 'none',
              width: 105,
            },
            {
              name: 'Stale',
              expr: sum(q.one('serverless_endpoint_stale_workers'), BY_ENDPOINT),
              unit: 'none',
              steps: ODD_ABOVE_0,
              width: 90,
            },
            {
              name: 'Jobs waiting',
              expr: sum(q.one('serverless_endpoint_jobs_in_queue'), BY_ENDPOINT),
              unit: 'none',
              width: 130,
            },
            {
              name: 'Load',
              expr: load,
              unit: 'percentunit',
              decimals: 0,
              steps: ['green', [0.9, 'orange'], [1, 'red']],
              width: 90,
            },
            {
              name: 'Cost per hour',
              expr: sum(q.one('serverless_endpoint_cost_dollars_per_hour'), BY_ENDPOINT),
              unit: 'currencyUSD',
              decimals: 2,
              width: 140,
            },
            {
              name: 'Data',
              expr: min(q.one('serverless_endpoint_fresh'), BY_ENDPOINT),
              unit: 'none',
              mappings: FRESH_WORDS,
              width: 90,
            },
          ],
          sortBy: { name: 'Unhealthy', descending: true },
        }),
      ],
    },
    {
      title: 'Work',
      parts: [
        graph({
          title: 'Jobs waiting by endpoint',
          description: 'Jobs that wait for a worker (RunPod).',
          width: 8,
          series: [
            {
              expr: q.named(sum(q.one('serverless_endpoint_jobs_in_queue'), BY_ENDPOINT)),
              legend: ENDPOINT_LEGEND,
            },
          ],
          unit: 'none',
          links: [ENDPOINT_OF_SERIES],
        }),
        graph({
          title: 'Failed jobs by endpoint',
          description: 'Jobs failed a second, as RunPod counts them.',
          width: 8,
          series: [
            {
              expr: q.named(sum(q.rate('serverless_endpoint_jobs_failed_total'), BY_ENDPOINT)),
              legend: ENDPOINT_LEGEND,
            },
          ],
          unit: 'cps',
          links: [ENDPOINT_OF_SERIES],
        }),
        graph({
          title: 'Load as a share of capacity',
          description:
            'Load over what the ready, benchmarked workers can do (Vast.ai). At 100 % requests wait.',
          width: 8,
          series: [{ expr: q.named(`(${load})`), legend: ENDPOINT_LEGEND }],
          unit: 'percentunit',
          lines: ['transparent', [0.9, 'orange'], [1, 'red']],
          links: [ENDPOINT_OF_SERIES],
        }),
      ],
    },
    {
      title: 'Cost',
      parts: [
        stat({
          title: 'Cost per hour',
          description:
            'Prices of the workers that are not stopped (RunPod v1, Vast.ai). RunPod v2 tells no prices: see the billed amount.',
          width: 6,
          expr: sum(q.one('serverless_endpoint_cost_dollars_per_hour')),
          unit: 'currencyUSD',
          decimals: 2,
        }),
        stat({
          title: 'Billed in the last whole hour',
          description: 'What RunPod v2 billed for the last whole hour that has a bill.',
          width: 6,
          expr: sum(q.one('serverless_endpoint_billed_dollars', 'window="hour"')),
          unit: 'currencyUSD',
          decimals: 2,
        }),
        stat({
          title: 'Workers without a price',
          description: 'Workers that are not stopped and whose price is not known. The cost is low by these.',
          width: 6,
          expr: sum(q.one('serverless_endpoint_cost_unpriced_workers')),
          unit: 'none',
          steps: ODD_ABOVE_0,
        }),
        stat({
          title: 'Instances outside endpoints',
          description:
            'Vast.ai instances that bill and are in no endpoint: rented by themselves, or forgotten. They belong to accounts: the choice of an endpoint does not narrow them.',
          width: 6,
          expr: sum(q.one('serverless_account_orphan_instances')),
          unit: 'none',
          steps: ODD_ABOVE_0,
        }),
        graph({
          title: 'Cost per hour by endpoint',
          description: 'Prices of the workers that are not stopped (RunPod v1, Vast.ai).',
          width: 16,
          series: [
            {
              expr: q.named(sum(q.one('serverless_endpoint_cost_dollars_per_hour'), BY_ENDPOINT)),
              legend: ENDPOINT_LEGEND,
            },
          ],
          unit: 'currencyUSD',
          decimals: 2,
          stacked: true,
          links: [ENDPOINT_OF_SERIES],
        }),
        bars({
          title: 'Cost in the time range',
          description:
            'The cost per hour added up over the time range at the top, minute by minute. What was not known counts as nothing.',
          width: 8,
          expr: `sort_desc(${q.named(`(${sum(`sum_over_time(${q.one('serverless_endpoint_cost_dollars_per_hour')}[$__range:1m])`, BY_ENDPOINT)} / 60)`)})`,
          legend: ENDPOINT_LEGEND,
          unit: 'currencyUSD',
          decimals: 2,
        }),
      ],
    },
  ],
};
