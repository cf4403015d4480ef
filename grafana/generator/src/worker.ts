// What happened to this worker?

import { alerts, annotation, changed, type Frame } from './frame.js';
import {
  graph,
  ODD_IF_1,
  stat,
  STATUS_WORDS,
  table,
  timeline,
  YES_NO,
} from './panels.js';
import { BY_ENDPOINT, max, ratio, Selection } from './promql.js';

const q = new Selection('worker', true);

const now = (metric: string) => max(q.one(metric));
const since = (metric: string) => `time() - ${now(metric)}`;
const benchmarked = `(${now('serverless_worker_perf')} and ${now('serverless_worker_benchmarked')} == 1)`;
const time = (name: string, metric: string) => ({
  name,
  expr: `1000 * ${max(q.one(metric), 'worker_id')}`,
  unit: 'dateTimeAsIso',
});
const size = (name: string, metric: string, unit: string) => ({
  name,
  expr: max(q.one(metric), 'worker_id'),
  unit,
});

const NOT_TOLD = 'not told';

export const worker: Frame = {
  name: 'worker',
  title: 'Serverless / Worker',
  description: 'What happened to this worker?',
  selection: q,
  links: [
    { to: 'fleet', title: 'Fleet', variables: [] },
    { to: 'endpoint', title: 'Endpoint', variables: ['provider', 'account', 'endpoint_id'] },
    { to: 'exporter', title: 'Exporter', variables: ['provider', 'account'] },
  ],
  annotations: [
    annotation('Rollout', {
      expr: changed(
        (offset) =>
          `max by (${BY_ENDPOINT}) (${q.selector('serverless_endpoint_config_version')}${offset})`,
      ),
      title: 'Rollout',
      text: 'The version of the endpoint’s configuration changed.',
      colour: 'purple',
      enabled: true,
    }),
    alerts('provider="$provider", account="$account", endpoint_id="$endpoint_id", worker_id=~"$worker_id|"'),
  ],
  rows: [
    {
      title: 'Now',
      parts: [
        stat({
          title: 'Status',
          description: 'The reconciled status. Nothing here: the worker is gone, or its data expired.',
          width: 4,
          expr: q.statusCode('worker_id'),
          unit: 'none',
          mappings: STATUS_WORDS,
          filled: true,
          nothing: 'gone',
        }),
        stat({
          title: 'In it for',
          description: 'How long it has had that status. Only told of a change that was seen.',
          width: 4,
          expr: since('serverless_worker_status_since_timestamp_seconds'),
          unit: 's',
          decimals: 0,
          nothing: 'not seen',
        }),
        stat({
          title: 'Up for',
          description: 'How long the worker was up at the last poll, as its provider tells.',
          width: 4,
          expr: now('serverless_worker_uptime_seconds'),
          unit: 's',
          decimals: 1,
          nothing: NOT_TOLD,
        }),
        stat({
          title: 'Stale',
          description: 'Whether the worker is not what it should be: version, image or heartbeat.',
          width: 4,
          expr: now('serverless_worker_stale'),
          unit: 'none',
          mappings: ODD_IF_1,
          nothing: NOT_TOLD,
        }),
        stat({
          title: 'Reliability',
          description: 'Reliability of the machine (Vast.ai, as reported).',
          width: 4,
          expr: now('serverless_worker_reliability_ratio'),
          unit: 'percentunit',
          decimals: 1,
          steps: ['red', [0.9, 'orange'], [0.95, 'green']],
          nothing: NOT_TOLD,
        }),
        stat({
          title: 'Cost per hour',
          description: 'The price of the worker (RunPod v1), or of its instance (Vast.ai).',
          width: 4,
          expr: now('serverless_worker_cost_dollars_per_hour'),
          unit: 'currencyUSD',
          decimals: 3,
          nothing: NOT_TOLD,
        }),
        timeline({
          title: 'Status over time',
          description: 'A gap is a time at which the worker was not listed, or its data had expired.',
          width: 24,
          height: 5,
          expr: q.statusCode('worker_id'),
          legend: '{{worker_id}}',
          mappings: STATUS_WORDS,
        }),
      ],
    },
    {
      title: 'Work (Vast.ai)',
      parts: [
        graph({
          title: 'Load',
          description: 'As reported, in the endpoint’s own unit a second, such as tokens.',
          width: 8,
          series: [
            { expr: now('serverless_worker_cur_load'), legend: 'current', colour: 'blue' },
            {
              expr: now('serverless_worker_cur_load_rolling_avg'),
              legend: 'rolling average',
              colour: 'purple',
            },
            { expr: now('serverless_worker_new_load'), legend: 'received', colour: 'orange' },
          ],
          unit: 'short',
        }),
        graph({
          title: 'Performance',
          description:
            'What it does, what it did in its benchmark, and that times its reliability: the capacity that is counted. Only once it was benchmarked: the number is in another unit before.',
          width: 8,
          series: [
            { expr: now('serverless_worker_cur_perf'), legend: 'current', colour: 'blue' },
            {
              expr: `${now('serverless_worker_measured_perf')} and ${now('serverless_worker_benchmarked')} == 1`,
              legend: 'benchmark',
              bound: true,
              colour: 'text',
            },
            { expr: benchmarked, legend: 'capacity', bound: true, colour: 'green' },
          ],
          unit: 'short',
        }),
        graph({
          title: 'Share of capacity',
          description: 'Load over capacity. At 100 % requests wait.',
          width: 8,
          series: [
            {
              expr: ratio(now('serverless_worker_cur_load'), benchmarked),
              legend: 'load',
              colour: 'blue',
            },
          ],
          unit: 'percentunit',
          lines: ['transparent', [0.9, 'orange'], [1, 'red']],
        }),
        graph({
          title: 'Requests in flight',
          description:
            'Requests that the autoscaler believes the worker is at. Requests in flight while the GPU idles for long: the slot is wedged, and the worker gets no more work.',
          width: 8,
          series: [
            {
              expr: now('serverless_worker_requests_in_flight'),
              legend: 'in flight',
              colour: 'blue',
            },
          ],
          unit: 'none',
          decimals: 0,
        }),
        graph({
          title: 'GPU utilization',
          description: 'Utilization of the GPUs of the worker’s instance.',
          width: 8,
          series: [
            {
              expr: now('serverless_worker_gpu_utilization_ratio'),
              legend: 'utilization',
              colour: 'green',
            },
          ],
          unit: 'percentunit',
          max: 1,
        }),
        graph({
          title: 'Disk',
          description: 'Disk used by the worker.',
          width: 8,
          series: [
            { expr: now('serverless_worker_disk_usage_bytes'), legend: 'used', colour: 'purple' },
          ],
          unit: 'bytes',
        }),
      ],
    },
    {
      title: 'Signs of life (Den)',
      parts: [
        stat({
          title: 'Last heartbeat',
          description:
            'Time since the last heartbeat, by the worker’s own clock, which may be wrong. One comes every 5 minutes.',
          width: 6,
          expr: since('serverless_worker_last_heartbeat_timestamp_seconds'),
          unit: 's',
          decimals: 0,
          steps: ['green', [600, 'orange'], [900, 'red']],
          nothing: NOT_TOLD,
        }),
        stat({
          title: 'Last activity',
          description: 'Time since the last activity, by the worker’s own clock.',
          width: 6,
          expr: since('serverless_worker_last_active_timestamp_seconds'),
          unit: 's',
          decimals: 0,
          nothing: NOT_TOLD,
        }),
        graph({
          title: 'Time since the last heartbeat',
          description: 'It falls to 0 with each heartbeat; 15 silent minutes make the worker stale.',
          width: 12,
          height: 4,
          series: [
            {
              expr: since('serverless_worker_last_heartbeat_timestamp_seconds'),
              legend: 'silent for',
              colour: 'blue',
            },
          ],
          unit: 's',
          lines: ['transparent', [900, 'red']],
        }),
      ],
    },
    {
      title: 'What it is',
      parts: [
        table({
          title: 'Machine',
          description: 'What the provider tells of the machine. Image and name only if they are configured.',
          width: 24,
          height: 4,
          labels: [
            { label: 'worker_id', name: 'Worker', width: 200 },
            { label: 'gpu_type', name: 'GPU' },
            { label: 'location', name: 'Location' },
            { label: 'version', name: 'Version' },
            { label: 'kind', name: 'Kind' },
            { label: 'group_id', name: 'Group' },
            { label: 'interruptible', name: 'Interruptible' },
            { label: 'image', name: 'Image' },
            { label: 'name', name: 'Name' },
          ],
          facts: [
            max(
              q.one('serverless_worker_info'),
              'worker_id, gpu_type, location, version, kind, group_id, interruptible, image, name',
            ),
          ],
          columns: [
            size('GPUs', 'serverless_worker_gpus', 'none'),
            size('vCPUs', 'serverless_worker_vcpus', 'none'),
            size('Memory', 'serverless_worker_memory_bytes', 'bytes'),
            size('DLPerf', 'serverless_worker_dlperf_score', 'none'),
            {
              name: 'Benchmarked',
              expr: max(q.one('serverless_worker_benchmarked'), 'worker_id'),
              unit: 'none',
              mappings: YES_NO,
            },
          ],
        }),
        table({
          title: 'Times',
          description: 'When what happened. A RunPod pod outlives its containers.',
          width: 24,
          height: 4,
          labels: [{ label: 'worker_id', name: 'Worker', width: 200 }],
          facts: [max(q.one('serverless_worker_info'), 'worker_id')],
          columns: [
            time('Created', 'serverless_worker_created_timestamp_seconds'),
            time('Started', 'serverless_worker_start_time_seconds'),
            time('Model loaded', 'serverless_worker_model_loaded_timestamp_seconds'),
            time('Maintenance from', 'serverless_worker_maintenance_start_timestamp_seconds'),
            time('Maintenance until', 'serverless_worker_maintenance_end_timestamp_seconds'),
          ],
        }),
      ],
    },
  ],
};
