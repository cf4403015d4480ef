// Is this endpoint serving, and if not, why?

import { alerts, annotation, changed, type Frame } from './frame.js';
import { WORKER_OF_ROW, WORKER_OF_SERIES } from './links.js';
import {
  BAD_ABOVE_0,
  bars,
  FRESH_WORDS,
  graph,
  ODD_ABOVE_0,
  ODD_IF_1,
  stat,
  STATUS_COLOURS,
  STATUS_WORDS,
  table,
  timeline,
  words,
} from './panels.js';
import { BY_ENDPOINT, max, ratio, Selection, sum } from './promql.js';

const q = new Selection('endpoint', true);

const of = (metric: string, more = '') => max(q.one(metric, more), BY_ENDPOINT);
const ofWorker = (metric: string) => max(q.one(metric), 'worker_id');
/** Until a worker was benchmarked its `perf` is in another unit. */
const benchmarked = `(${ofWorker('serverless_worker_perf')} and on (worker_id) ${ofWorker('serverless_worker_benchmarked')} == 1)`;
const bySource = (metric: string) => max(q.one(metric), 'source');

const spec = (
  name: string,
  metric: string,
  unit: string,
  more: { mappings?: ReturnType<typeof words>; decimals?: number } = {},
) => ({ name, expr: of(`serverless_endpoint_${metric}`), unit, ...more });

export const endpoint: Frame = {
  name: 'endpoint',
  title: 'Serverless / Endpoint',
  description: 'Is this endpoint serving, and if not, why?',
  selection: q,
  links: [
    { to: 'fleet', title: 'Fleet', variables: [] },
    { to: 'worker', title: 'Worker', variables: ['provider', 'account', 'endpoint_id'] },
    { to: 'exporter', title: 'Exporter', variables: ['provider', 'account'] },
  ],
  annotations: [
    annotation('Rollout', {
      expr: changed(
        (offset) =>
          `max by (${BY_ENDPOINT}) (${q.selector('serverless_endpoint_config_version')}${offset})`,
      ),
      title: 'Rollout',
      text: 'The version of the configuration changed.',
      colour: 'purple',
      enabled: true,
    }),
    alerts('provider="$provider", account="$account", endpoint_id=~"$endpoint_id|"'),
  ],
  rows: [
    {
      title: 'Is it serving?',
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
          description: 'Workers that fail. With jobs waiting and none ready this is a crash loop.',
          width: 3,
          expr: sum(q.one('serverless_endpoint_workers', 'status="unhealthy"')),
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
        stat({
          title: 'Throttled',
          description: 'Workers that wait for the provider to have a machine for them (RunPod).',
          width: 3,
          expr: sum(q.one('serverless_endpoint_workers', 'status="throttled"')),
          unit: 'none',
          steps: ODD_ABOVE_0,
          nothing: 'not told',
        }),
        stat({
          title: 'Stale',
          description: 'Workers that are not what they should be; the reasons are below.',
          width: 3,
          expr: sum(q.one('serverless_endpoint_stale_workers')),
          unit: 'none',
          steps: ODD_ABOVE_0,
          nothing: 'not told',
        }),
        stat({
          title: 'Jobs waiting',
          description: 'Jobs in the queue that no worker has taken yet (RunPod).',
          width: 3,
          expr: sum(q.one('serverless_endpoint_jobs_in_queue')),
          unit: 'none',
          nothing: 'not told',
        }),
        stat({
          title: 'Load',
          description:
            'Load over what the ready, benchmarked workers can do (Vast.ai). At 100 % requests wait.',
          width: 3,
          expr: ratio(
            sum(q.one('serverless_endpoint_load')),
            sum(q.one('serverless_endpoint_capacity')),
          ),
          unit: 'percentunit',
          decimals: 0,
          steps: ['green', [0.9, 'orange'], [1, 'red']],
          nothing: 'not told',
        }),
        stat({
          title: 'Cost per hour',
          description: 'Prices of the workers that are not stopped (RunPod v1, Vast.ai).',
          width: 3,
          expr: sum(q.one('serverless_endpoint_cost_dollars_per_hour')),
          unit: 'currencyUSD',
          decimals: 2,
          nothing: 'not told',
        }),
        stat({
          title: 'Age of data',
          description:
            'Time since the last good answer about the workers. Past the max age all that comes from it is withdrawn, and this is red.',
          width: 3,
          expr: `max(${q.age('serverless_poll_last_success_timestamp_seconds', 'source="workers"')} / ${q.one('serverless_poll_max_age_seconds', 'source="workers"')})`,
          unit: 'percentunit',
          decimals: 0,
          steps: ['green', [0.67, 'orange'], [1, 'red']],
          nothing: 'none yet',
        }),
        table({
          title: 'Configuration',
          description:
            'What the endpoint is, and what its provider was told to do. RunPod lowers the upper bound by itself on endpoints that are unused or keep failing.',
          width: 24,
          height: 4,
          labels: [
            { label: 'name', name: 'Name' },
            { label: 'kind', name: 'Kind' },
            { label: 'api', name: 'API' },
            { label: 'state', name: 'State' },
            { label: 'scaler', name: 'Scaler' },
          ],
          facts: [
            max(q.one('serverless_endpoint_info'), `${BY_ENDPOINT}, name, kind, api, scaler`),
            `${max(q.one('serverless_endpoint_state'), `${BY_ENDPOINT}, state`)} == 1`,
          ],
          hidden: ['provider', 'account', 'endpoint_id'],
          columns: [
            spec('Version', 'config_version', 'none'),
            spec('Min workers', 'spec_workers_min', 'none'),
            spec('Max workers', 'spec_workers_max', 'none'),
            spec('Cold workers', 'spec_cold_workers', 'none'),
            spec('Target utilization', 'spec_target_utilization_ratio', 'percentunit'),
            spec('Scaler value', 'spec_scaler_value', 'none'),
            spec('Idle timeout', 'spec_idle_timeout_seconds', 's'),
            spec('Execution timeout', 'spec_execution_timeout_seconds', 's'),
            {
              name: 'Created',
              expr: `1000 * ${of('serverless_endpoint_created_timestamp_seconds')}`,
              unit: 'dateTimeAsIso',
            },
          ],
        }),
      ],
    },
    {
      title: 'Workers',
      parts: [
        graph({
          title: 'Workers by status',
          description:
            'Workers by reconciled status, with the configured bounds dashed (RunPod). A gap is data that had expired.',
          width: 12,
          height: 10,
          series: [
            { expr: sum(q.one('serverless_endpoint_workers'), 'status'), legend: '{{status}}' },
            {
              expr: sum(q.one('serverless_endpoint_spec_workers_min')),
              legend: 'min',
              bound: true,
              colour: 'text',
            },
            {
              expr: sum(q.one('serverless_endpoint_spec_workers_max')),
              legend: 'max',
              bound: true,
              colour: 'text',
            },
          ],
          unit: 'none',
          decimals: 0,
          stacked: true,
          colours: STATUS_COLOURS,
        }),
        timeline({
          title: 'Status of each worker',
          description:
            'A row for each worker. Of two exporters that disagree for a moment the worse status is shown. A click shows the worker.',
          width: 12,
          height: 10,
          expr: q.statusCode('worker_id'),
          legend: '{{worker_id}}',
          mappings: STATUS_WORDS,
          perPage: 20,
          links: [WORKER_OF_SERIES],
        }),
        table({
          title: 'Workers',
          description:
            'Every worker, the worst status first. An empty cell is something that this provider does not tell. A click on the worker shows it.',
          width: 24,
          height: 11,
          labels: [
            { label: 'worker_id', name: 'Worker', width: 200, link: WORKER_OF_ROW },
            { label: 'gpu_type', name: 'GPU' },
            { label: 'location', name: 'Location', width: 120 },
            { label: 'version', name: 'Version', width: 100 },
          ],
          facts: [max(q.one('serverless_worker_info'), 'worker_id, gpu_type, location, version')],
          columns: [
            {
              name: 'Status',
              expr: q.statusCode('worker_id'),
              unit: 'none',
              mappings: STATUS_WORDS,
              width: 115,
            },
            {
              name: 'In it for',
              expr: `time() - ${ofWorker('serverless_worker_status_since_timestamp_seconds')}`,
              unit: 's',
              decimals: 0,
              width: 105,
            },
            {
              name: 'Stale',
              expr: ofWorker('serverless_worker_stale'),
              unit: 'none',
              mappings: ODD_IF_1,
              width: 90,
            },
            {
              name: 'Up for',
              expr: ofWorker('serverless_worker_uptime_seconds'),
              unit: 's',
              decimals: 1,
              width: 100,
            },
            {
              name: 'Load',
              expr: ratio(ofWorker('serverless_worker_cur_load'), benchmarked),
              unit: 'percentunit',
              decimals: 0,
              steps: ['green', [0.9, 'orange'], [1, 'red']],
              width: 90,
            },
            {
              name: 'Reliability',
              expr: ofWorker('serverless_worker_reliability_ratio'),
              unit: 'percentunit',
              decimals: 1,
              steps: ['red', [0.9, 'orange'], [0.95, 'green']],
              width: 115,
            },
            {
              name: 'Heartbeat',
              expr: `time() - ${ofWorker('serverless_worker_last_heartbeat_timestamp_seconds')}`,
              unit: 's',
              decimals: 0,
              steps: ['green', [600, 'orange'], [900, 'red']],
              width: 120,
            },
            {
              name: 'Cost per hour',
              expr: ofWorker('serverless_worker_cost_dollars_per_hour'),
              unit: 'currencyUSD',
              decimals: 3,
              width: 140,
            },
          ],
          sortBy: { name: 'Status', descending: true },
        }),
        graph({
          title: 'Stale workers by reason',
          description:
            'version: an older configuration; it should fall to 0 after a rollout. image: another image than the template says. heartbeat: silent for 15 minutes (Den).',
          width: 8,
          series: [
            { expr: sum(q.one('serverless_endpoint_stale_workers'), 'reason'), legend: '{{reason}}' },
          ],
          unit: 'none',
          decimals: 0,
          stacked: true,
        }),
        bars({
          title: 'Longest in a status',
          description:
            'How long the longest-standing worker of each status has had it, at least. A worker that initializes for an hour does not initialize.',
          width: 8,
          expr: `sort_desc(time() - min by (status) (${q.one('serverless_endpoint_oldest_in_status_timestamp_seconds')}))`,
          legend: '{{status}}',
          unit: 's',
          decimals: 0,
          colours: STATUS_COLOURS,
        }),
        graph({
          title: 'Changes of status',
          description:
            'Changes that were seen between two polls, in the last 10 minutes. Many between initializing and unhealthy are a crash loop.',
          width: 8,
          series: [
            {
              expr: `${sum(q.increase('serverless_endpoint_worker_transitions_total', '10m'), 'from, to')} > 0`,
              legend: '{{from}} → {{to}}',
            },
            {
              expr: sum(q.increase('serverless_endpoint_workers_appeared_total', '10m')),
              legend: 'appeared',
              colour: 'blue',
            },
            {
              expr: sum(q.increase('serverless_endpoint_workers_disappeared_total', '10m')),
              legend: 'disappeared',
              colour: 'purple',
            },
          ],
          unit: 'none',
        }),
      ],
    },
    {
      title: 'Work and cost',
      parts: [
        graph({
          title: 'Jobs',
          description: 'Jobs that wait, and jobs that a worker is at (RunPod).',
          width: 6,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_jobs_in_queue')),
              legend: 'waiting',
              colour: 'orange',
            },
            {
              expr: sum(q.one('serverless_endpoint_jobs_in_progress')),
              legend: 'in progress',
              colour: 'green',
            },
          ],
          unit: 'none',
        }),
        graph({
          title: 'Jobs a second',
          description: 'Jobs that ended a second, as RunPod counts them.',
          width: 6,
          series: [
            {
              expr: sum(q.rate('serverless_endpoint_jobs_completed_total')),
              legend: 'completed',
              colour: 'green',
            },
            {
              expr: sum(q.rate('serverless_endpoint_jobs_failed_total')),
              legend: 'failed',
              colour: 'red',
            },
            {
              expr: sum(q.rate('serverless_endpoint_jobs_retried_total')),
              legend: 'retried',
              colour: 'orange',
            },
          ],
          unit: 'cps',
        }),
        graph({
          title: 'Load and capacity',
          description:
            'Load, and what the ready, benchmarked workers can do, in the endpoint’s own unit a second, such as tokens (Vast.ai).',
          width: 6,
          series: [
            { expr: sum(q.one('serverless_endpoint_load')), legend: 'load', colour: 'blue' },
            {
              expr: sum(q.one('serverless_endpoint_capacity')),
              legend: 'capacity',
              bound: true,
              colour: 'text',
            },
          ],
          unit: 'short',
        }),
        graph({
          title: 'Cost over time',
          description:
            'Prices of the workers that are not stopped (RunPod v1, Vast.ai), and what RunPod v2 billed for the last whole hour that has a bill.',
          width: 6,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_cost_dollars_per_hour')),
              legend: 'workers',
              colour: 'green',
            },
            {
              expr: sum(q.one('serverless_endpoint_billed_dollars', 'window="hour"')),
              legend: 'billed',
              colour: 'blue',
            },
          ],
          unit: 'currencyUSD',
          decimals: 2,
        }),
        graph({
          title: 'Workers of each group',
          description: 'Workers of a Vast.ai worker group, those that are not stopped.',
          width: 12,
          series: [
            {
              expr: sum(q.one('serverless_group_workers', 'status!="stopped"'), 'group_id, status'),
              legend: '{{group_id}} {{status}}',
            },
          ],
          unit: 'none',
          decimals: 0,
        }),
        graph({
          title: 'Workers without a price',
          description: 'Workers that are not stopped and whose price is not known. The cost is low by these.',
          width: 12,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_cost_unpriced_workers')),
              legend: 'without a price',
              colour: 'orange',
            },
          ],
          unit: 'none',
          decimals: 0,
        }),
      ],
    },
    {
      title: 'What the provider says',
      parts: [
        graph({
          title: 'Workers by the provider’s own word',
          description: 'Before we made one vocabulary of it: what the provider’s console shows.',
          width: 12,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_workers_native'), 'native_status'),
              legend: '{{native_status}}',
            },
          ],
          unit: 'none',
          decimals: 0,
          stacked: true,
        }),
        graph({
          title: 'Counts that RunPod reports',
          description:
            'Those of the endpoint’s summary, and those of its /health. They may differ from each other and from ours; nothing is corrected.',
          width: 12,
          series: [
            {
              expr: sum(q.one('serverless_endpoint_reported_workers'), 'view, reported_status'),
              legend: '{{view}}: {{reported_status}}',
            },
            {
              expr: sum(q.one('serverless_endpoint_queue_ready_workers')),
              legend: 'queue: ready or idle',
            },
          ],
          unit: 'none',
          decimals: 0,
        }),
        stat({
          title: 'Queue view',
          description: 'Whether our own request for /health succeeded in the last poll (RunPod).',
          width: 3,
          expr: max(q.one('serverless_endpoint_queue_view_up')),
          unit: 'none',
          mappings: words({ 0: ['failed', 'red'], 1: ['good', 'green'] }),
          nothing: 'none',
        }),
        stat({
          title: 'Degraded',
          description:
            'Whether statuses rest on the workers’ lifecycle alone, so that “running” proves little.',
          width: 3,
          expr: max(q.one('serverless_endpoint_status_degraded')),
          unit: 'none',
          mappings: ODD_IF_1,
          nothing: 'never',
        }),
        stat({
          title: 'Views differ',
          description: 'How long RunPod’s summary and queue have told different counts.',
          width: 3,
          expr: `time() - ${max(q.one('serverless_endpoint_views_disagree_since_timestamp_seconds'))}`,
          unit: 's',
          decimals: 0,
          steps: ['orange'],
          nothing: ['they agree', 'green'],
        }),
        stat({
          title: 'Counts differ',
          description: 'Whether the summary’s total differs from the number of workers that are listed.',
          width: 3,
          expr: max(q.one('serverless_endpoint_listed_mismatch')),
          unit: 'none',
          mappings: ODD_IF_1,
          nothing: 'no summary',
        }),
        stat({
          title: 'List is cut off',
          description:
            'Whether the provider shows a part of the workers only (Den: 50). The counts are too low then.',
          width: 3,
          expr: max(q.one('serverless_endpoint_truncated')),
          unit: 'none',
          mappings: ODD_IF_1,
          nothing: 'never',
        }),
        stat({
          title: 'Malformed',
          description: 'Records of workers that were left out or mended in the time range.',
          width: 3,
          expr: sum(q.increase('serverless_endpoint_workers_skipped_total')),
          unit: 'none',
          decimals: 0,
          steps: ODD_ABOVE_0,
        }),
        stat({
          title: 'Future times',
          description:
            'Time stamps of workers more than 5 s in the future that were read in the time range. A clock is wrong.',
          width: 3,
          expr: sum(q.increase('serverless_endpoint_future_timestamps_total')),
          unit: 'none',
          decimals: 0,
          steps: ODD_ABOVE_0,
        }),
        stat({
          title: 'Not shown',
          description: 'Workers whose own series are withheld because of a limit in the configuration.',
          width: 3,
          expr: sum(q.one('serverless_endpoint_worker_series_withheld')),
          unit: 'none',
          steps: ODD_ABOVE_0,
          nothing: '0',
        }),
      ],
    },
    {
      title: 'Can these numbers be trusted?',
      parts: [
        table({
          title: 'Data by source',
          description:
            'One kind of answer each. Past its max age, what it supplies is withdrawn until the next good answer.',
          width: 24,
          height: 7,
          labels: [{ label: 'source', name: 'Source' }],
          columns: [
            {
              name: 'Data',
              expr: bySource('serverless_endpoint_fresh'),
              unit: 'none',
              mappings: FRESH_WORDS,
            },
            {
              name: 'Age',
              expr: `time() - ${bySource('serverless_poll_last_success_timestamp_seconds')}`,
              unit: 's',
              decimals: 0,
            },
            { name: 'Max age', expr: bySource('serverless_poll_max_age_seconds'), unit: 's' },
            {
              name: 'Last poll',
              expr: bySource('serverless_poll_success'),
              unit: 'none',
              mappings: words({ 0: ['failed', 'red'], 1: ['good', 'green'] }),
            },
            {
              name: 'Tried',
              expr: `time() - ${bySource('serverless_poll_last_attempt_timestamp_seconds')}`,
              unit: 's',
              decimals: 0,
            },
            { name: 'Interval', expr: bySource('serverless_poll_interval_seconds'), unit: 's' },
            { name: 'Took', expr: bySource('serverless_poll_duration_seconds'), unit: 's' },
            {
              name: 'Failures',
              expr: `sum by (source) (${q.increase('serverless_poll_failures_total')})`,
              unit: 'none',
              decimals: 0,
              steps: ODD_ABOVE_0,
            },
          ],
        }),
      ],
    },
  ],
};
