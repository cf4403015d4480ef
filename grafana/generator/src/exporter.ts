// Can the other three be trusted?

import { alerts, annotation, changed, type Frame } from './frame.js';
import { ENDPOINT_OF_ROW } from './links.js';
import {
  BAD_ABOVE_0,
  FRESH_WORDS,
  graph,
  ODD_ABOVE_0,
  stat,
  table,
  timeline,
  words,
} from './panels.js';
import { BY_ACCOUNT, BY_ENDPOINT, max, ratio, Selection, sum } from './promql.js';

const q = new Selection('account', false);

const BY_SOURCE = `${BY_ENDPOINT}, source`;
const BY_API = `${BY_ACCOUNT}, api`;
const bySource = (metric: string) => max(q.one(metric), BY_SOURCE);

/**
 * Endpoints are counted by their ids, and not added up: of exporters that watch the same each has all,
 * of shards and of members of a cluster each has its own.
 */
const watched = max(q.selector('serverless_endpoint_info'), BY_ENDPOINT);
const lately = max(`last_over_time(${q.selector('serverless_endpoint_info')}[$__range])`, BY_ENDPOINT);
/** Where an exporter was stopped its endpoints are gone, too, and none of them was removed. */
const removing = max(q.increase('serverless_account_endpoints_removed_total'), BY_ACCOUNT);
const removed = `${lately} unless ${watched} and on (${BY_ACCOUNT}) ${removing} > 0`;
/** 0 where there is nothing to count and somebody who would. */
const count = (vector: string) =>
  `count(${vector}) or sum(0 * ${q.one('serverless_account_endpoints')})`;

/** Of what the members of its job have together: a job is a cluster. */
const ofMember = max(q.selector('serverless_exporter_cluster_endpoints'), 'job, instance');
const share = `${ofMember} / on (job) group_left clamp_min(${sum(ofMember, 'job')}, 1)`;

/** One exporter may be well and the other not, so here each has its own series. */
const each = (metric: string) => `max by (instance) (${q.selector(metric)})`;
const eachRate = (metric: string, by = 'instance') =>
  `sum by (${by}) (rate(${q.selector(metric)}[$__rate_interval]))`;

export const exporter: Frame = {
  name: 'exporter',
  title: 'Serverless / Exporter',
  description: 'Can the other dashboards be trusted: are the data fresh, do the APIs answer, is the exporter well?',
  selection: q,
  links: [
    { to: 'fleet', title: 'Fleet', variables: ['provider', 'account'] },
    { to: 'endpoint', title: 'Endpoint', variables: [] },
  ],
  annotations: [
    annotation('Exporter started', {
      expr: changed((offset) => `${q.selector('process_start_time_seconds')}${offset}`),
      title: 'Started',
      text: '{{instance}}: its own counters begin anew.',
      colour: 'blue',
      enabled: true,
    }),
    alerts('provider=~"$provider|", account=~"$account|"'),
  ],
  rows: [
    {
      title: 'Are the data fresh?',
      parts: [
        stat({
          title: 'Expired sources',
          description: 'Kinds of answers, of all endpoints, that are older than their max age.',
          width: 4,
          expr: sum(`1 - ${q.one('serverless_endpoint_fresh')}`),
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
        stat({
          title: 'Refused APIs',
          description: 'APIs that refused us at the last poll, limited us, or did not answer.',
          width: 4,
          expr: sum(`1 - ${q.one('serverless_account_up')}`),
          unit: 'none',
          steps: BAD_ABOVE_0,
        }),
        stat({
          title: 'Endpoints watched',
          description: 'Endpoints that are configured or were discovered.',
          width: 4,
          expr: count(watched),
          unit: 'none',
        }),
        stat({
          title: 'Endpoints removed',
          description:
            'Endpoints that were there in the time range and are not now, since their provider did not list them twice in a row.',
          width: 4,
          expr: count(removed),
          unit: 'none',
          steps: ODD_ABOVE_0,
        }),
        stat({
          title: 'Oldest data',
          description: 'The age of the oldest answer as a share of its max age. At 100 % it expires.',
          width: 4,
          expr: `max(${q.age('serverless_poll_last_success_timestamp_seconds')} / ${q.one('serverless_poll_max_age_seconds')})`,
          unit: 'percentunit',
          decimals: 0,
          steps: ['green', [0.67, 'orange'], [1, 'red']],
        }),
        stat({
          title: 'Configuration',
          description:
            'Whether every exporter accepted its configuration the last time that it read it. A bad one changes nothing: the one before stays.',
          width: 4,
          expr: `min(${q.selector('serverless_exporter_config_last_reload_successful')})`,
          unit: 'none',
          mappings: words({ 0: ['refused', 'red'], 1: ['accepted', 'green'] }),
        }),
        timeline({
          title: 'APIs',
          description:
            'Whether the last poll of an API got an answer and was not refused. An account has several APIs.',
          width: 12,
          height: 9,
          expr: max(q.one('serverless_account_up'), BY_API),
          legend: '{{account}} {{api}}',
          mappings: words({ 0: ['refused or silent', 'red'], 1: ['answers', 'green'] }),
        }),
        graph({
          title: 'Failed polls a minute by reason',
          description: 'Polls that failed, each counted once. The reasons are explained in docs/providers.md.',
          width: 12,
          height: 9,
          series: [
            {
              expr: `60 * ${sum(q.rate('serverless_account_poll_failures_total'), 'reason')} > 0`,
              legend: '{{reason}}',
            },
          ],
          unit: 'none',
        }),
        table({
          title: 'Data by endpoint and source',
          description:
            'One kind of answer each, the oldest first. Past its max age what it supplies is withdrawn until the next good answer.',
          width: 24,
          height: 11,
          labels: [
            { label: 'provider', name: 'Provider', width: 90 },
            { label: 'account', name: 'Account', width: 150 },
            { label: 'endpoint_id', name: 'Endpoint', width: 180, link: ENDPOINT_OF_ROW },
            { label: 'source', name: 'Source', width: 110 },
          ],
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
            {
              name: 'Of max age',
              expr: `(time() - ${bySource('serverless_poll_last_success_timestamp_seconds')}) / ${bySource('serverless_poll_max_age_seconds')}`,
              unit: 'percentunit',
              decimals: 0,
              steps: ['green', [0.67, 'orange'], [1, 'red']],
            },
            {
              name: 'Last poll',
              expr: bySource('serverless_poll_success'),
              unit: 'none',
              mappings: words({ 0: ['failed', 'red'], 1: ['good', 'green'] }),
            },
            { name: 'Interval', expr: bySource('serverless_poll_interval_seconds'), unit: 's' },
            { name: 'Took', expr: bySource('serverless_poll_duration_seconds'), unit: 's' },
            {
              name: 'Polls',
              expr: sum(q.increase('serverless_polls_total'), BY_SOURCE),
              unit: 'none',
              decimals: 0,
            },
            {
              name: 'Failed',
              expr: sum(q.increase('serverless_poll_failures_total'), BY_SOURCE),
              unit: 'none',
              decimals: 0,
              steps: ODD_ABOVE_0,
            },
          ],
          sortBy: { name: 'Of max age', descending: true },
        }),
      ],
    },
    {
      title: 'How do we treat the APIs, and they us?',
      parts: [
        graph({
          title: 'Requests a minute',
          description: 'Requests sent, by all exporters together: that is what the provider counts.',
          width: 8,
          series: [
            {
              expr: `60 * ${eachRate('serverless_api_requests_total', 'account, api')}`,
              legend: '{{account}} {{api}}',
            },
          ],
          unit: 'none',
        }),
        graph({
          title: 'Answers a minute by code',
          description: 'The HTTP status, or the reason why no answer came.',
          width: 8,
          series: [
            {
              expr: `60 * ${eachRate('serverless_api_requests_total', 'code')} > 0`,
              legend: '{{code}}',
            },
          ],
          unit: 'none',
        }),
        graph({
          title: 'Duration of requests',
          description: '95 of 100 requests were faster, from sending it to the last byte.',
          width: 8,
          series: [
            {
              expr: q.quantile(0.95, 'serverless_api_request_duration_seconds', 'account, api'),
              legend: '{{account}} {{api}}',
            },
          ],
          unit: 's',
        }),
        graph({
          title: 'Quota that is left',
          description:
            'Requests left in a window of the quota, as a share of what the API allows in it. The last part is left to other users of the key.',
          width: 8,
          series: [
            {
              expr: ratio(
                `min by (${BY_API}, window) (${q.one('serverless_api_rate_limit_remaining')})`,
                max(q.one('serverless_api_rate_limit_quota'), `${BY_API}, window`),
              ),
              legend: '{{account}} {{api}} {{window}}',
            },
          ],
          unit: 'percentunit',
          max: 1,
        }),
        table({
          title: 'Quota',
          description:
            'What the APIs last told of their quota, and until when we leave one alone because it asked us to or its quota is used up. A time in the past is over.',
          width: 16,
          height: 8,
          labels: [
            { label: 'provider', name: 'Provider' },
            { label: 'account', name: 'Account' },
            { label: 'api', name: 'API' },
            { label: 'window', name: 'Window' },
          ],
          columns: [
            {
              name: 'Left',
              expr: `min by (${BY_API}, window) (${q.one('serverless_api_rate_limit_remaining')})`,
              unit: 'none',
            },
            {
              name: 'Quota',
              expr: max(q.one('serverless_api_rate_limit_quota'), `${BY_API}, window`),
              unit: 'none',
            },
            {
              name: 'Begins anew in',
              expr: `clamp_min(${max(q.one('serverless_api_rate_limit_reset_timestamp_seconds'), `${BY_API}, window`)} - time(), 0)`,
              unit: 's',
              decimals: 0,
            },
          ],
        }),
        graph({
          title: 'Left alone for',
          description:
            'Seconds for which we still send nothing to an API: it asked us to wait, or only the reserve of its quota is left.',
          width: 8,
          series: [
            {
              expr: `clamp_min(${max(q.one('serverless_api_backoff_until_timestamp_seconds'), BY_API)} - time(), 0)`,
              legend: '{{account}} {{api}}',
            },
          ],
          unit: 's',
        }),
        graph({
          title: 'Interval of polls',
          description:
            'The effective time between two polls, the longest of each account and source: as configured, or more where a quota asks for it.',
          width: 8,
          series: [
            {
              expr: max(q.one('serverless_poll_interval_seconds'), 'account, source'),
              legend: '{{account}} {{source}}',
            },
          ],
          unit: 's',
        }),
        graph({
          title: 'Clock difference',
          description:
            'The clock of the API, by its Date header of whole seconds, less ours. More than a few seconds: look at the clock of this machine.',
          width: 8,
          series: [
            {
              expr: max(q.one('serverless_api_clock_skew_seconds'), BY_API),
              legend: '{{account}} {{api}}',
            },
          ],
          unit: 's',
          signed: true,
        }),
      ],
    },
    {
      title: 'The exporter itself',
      parts: [
        table({
          title: 'Exporters',
          description: 'What runs, since when, whether its files could be read when they last changed, and when its configuration was last accepted.',
          width: 24,
          height: 5,
          labels: [
            { label: 'instance', name: 'Instance' },
            { label: 'version', name: 'Version' },
            { label: 'revision', name: 'Revision' },
            { label: 'compiler', name: 'Compiler' },
          ],
          facts: [
            `max by (instance, version, revision, compiler) (${q.selector('serverless_exporter_build_info')})`,
          ],
          columns: [
            {
              name: 'Running for',
              expr: `time() - ${each('process_start_time_seconds')}`,
              unit: 's',
              decimals: 1,
            },
            {
              name: 'Configuration',
              expr: each('serverless_exporter_config_last_reload_successful'),
              unit: 'none',
              mappings: words({ 0: ['refused', 'red'], 1: ['accepted', 'green'] }),
            },
            {
              name: 'Certificate, users',
              expr: `min by (instance) (${q.selector('serverless_exporter_web_last_reload_successful')})`,
              unit: 'none',
              mappings: words({ 0: ['not read', 'red'], 1: ['read', 'green'] }),
            },
            {
              name: 'Accepted',
              expr: `1000 * ${each('serverless_exporter_config_last_reload_success_timestamp_seconds')}`,
              unit: 'dateTimeAsIso',
            },
            { name: 'Series', expr: each('serverless_exporter_series'), unit: 'none' },
          ],
        }),
        graph({
          title: 'Series on the page',
          description: 'What Prometheus stores at each scrape. It grows with workers; [limits] bounds it.',
          width: 6,
          series: [{ expr: each('serverless_exporter_series'), legend: '{{instance}}' }],
          unit: 'none',
        }),
        graph({
          title: 'Size of the page',
          description: 'As text, and as gzip, which is what Prometheus gets.',
          width: 6,
          series: [
            {
              expr: `max by (instance, encoding) (${q.selector('serverless_exporter_page_bytes')})`,
              legend: '{{instance}} {{encoding}}',
            },
          ],
          unit: 'bytes',
        }),
        graph({
          title: 'Scrapes a minute',
          description: 'Requests for the page, by HTTP status.',
          width: 6,
          series: [
            {
              expr: `60 * ${eachRate('serverless_exporter_scrapes_total', 'instance, code')}`,
              legend: '{{instance}} {{code}}',
            },
          ],
          unit: 'none',
        }),
        graph({
          title: 'Duration of scrapes',
          description: '99 of 100 pages were put together faster. No provider is asked for it.',
          width: 6,
          series: [
            {
              expr: q.quantile(0.99, 'serverless_exporter_scrape_duration_seconds', 'instance'),
              legend: '{{instance}}',
            },
          ],
          unit: 's',
        }),
        graph({
          title: 'Clients sent away a minute',
          description:
            'Clients that were refused or cut off, by reason: wrong passwords and certificates, too many connections, too slow. A scraper may be among them.',
          width: 12,
          series: [
            {
              expr: `60 * ${eachRate('serverless_exporter_web_refusals_total', 'instance, reason')}`,
              legend: '{{instance}} {{reason}}',
            },
          ],
          unit: 'none',
        }),
        graph({
          title: 'Certificates and users that could not be read, an hour',
          description:
            'Files of TLS or of users that changed and could not be read. What was good stays; the log says what is wrong.',
          width: 12,
          series: [
            {
              expr: `3600 * ${eachRate('serverless_exporter_web_reload_failures_total', 'instance, part')}`,
              legend: '{{instance}} {{part}}',
            },
          ],
          unit: 'none',
        }),
        graph({
          title: 'CPU',
          description: 'Share of one core.',
          width: 6,
          series: [{ expr: eachRate('process_cpu_seconds_total'), legend: '{{instance}}' }],
          unit: 'percentunit',
        }),
        graph({
          title: 'Memory',
          description: 'Resident memory.',
          width: 6,
          series: [{ expr: each('process_resident_memory_bytes'), legend: '{{instance}}' }],
          unit: 'bytes',
        }),
        graph({
          title: 'File descriptors',
          description: 'Open file descriptors as a share of the limit.',
          width: 6,
          series: [
            {
              expr: ratio(each('process_open_fds'), each('process_max_fds')),
              legend: '{{instance}}',
            },
          ],
          unit: 'percentunit',
        }),
        graph({
          title: 'Network',
          description: 'Of the network namespace of the process, over IP.',
          width: 6,
          series: [
            {
              expr: eachRate('process_network_receive_bytes_total'),
              legend: '{{instance}} received',
            },
            { expr: eachRate('process_network_transmit_bytes_total'), legend: '{{instance}} sent' },
          ],
          unit: 'Bps',
        }),
      ],
    },
    {
      // Most exporters are in none, and a row that is closed asks nothing.
      title: 'Cluster',
      collapsed: true,
      parts: [
        table({
          title: 'Members',
          description:
            'The exporters that share the polling through etcd. One without a lease polls and serves nothing; when they do not all see the same number of members, one is cut off, or in another cluster.',
          width: 24,
          height: 6,
          labels: [
            { label: 'cluster_name', name: 'Cluster' },
            { label: 'member', name: 'Member' },
            { label: 'instance', name: 'Instance' },
          ],
          facts: [
            `max by (cluster_name, member, instance) (${q.selector('serverless_exporter_cluster_info')})`,
          ],
          columns: [
            {
              name: 'Lease',
              expr: each('serverless_exporter_cluster_joined'),
              unit: 'none',
              mappings: words({ 0: ['none', 'red'], 1: ['held', 'green'] }),
            },
            {
              name: 'etcd',
              expr: each('serverless_exporter_cluster_engine_up'),
              unit: 'none',
              mappings: words({ 0: ['silent', 'red'], 1: ['answers', 'green'] }),
            },
            {
              name: 'Division',
              expr: each('serverless_exporter_cluster_settled'),
              unit: 'none',
              mappings: words({ 0: ['endpoints move', 'orange'], 1: ['settled', 'green'] }),
            },
            {
              name: 'Sees members',
              expr: each('serverless_exporter_cluster_members'),
              unit: 'none',
            },
            {
              name: 'Endpoints',
              expr: each('serverless_exporter_cluster_endpoints'),
              unit: 'none',
            },
            {
              name: 'Share',
              expr: max(share, 'instance'),
              unit: 'percentunit',
              decimals: 1,
            },
          ],
          sortBy: { name: 'Member', descending: false },
        }),
        timeline({
          title: 'Leases',
          description: 'Whether an exporter holds a lease. Without one it polls and serves nothing.',
          width: 12,
          height: 6,
          expr: each('serverless_exporter_cluster_joined'),
          legend: '{{instance}}',
          mappings: words({ 0: ['none', 'red'], 1: ['held', 'green'] }),
        }),
        timeline({
          title: 'etcd',
          description: 'Whether etcd answered an exporter the last time that it was asked.',
          width: 12,
          height: 6,
          expr: each('serverless_exporter_cluster_engine_up'),
          legend: '{{instance}}',
          mappings: words({ 0: ['silent', 'red'], 1: ['answers', 'green'] }),
        }),
        graph({
          title: 'Age of the lease',
          description:
            'Since it was last renewed. It is renewed several times in its life; one that grows ends.',
          width: 8,
          series: [
            { expr: each('serverless_exporter_cluster_lease_age_seconds'), legend: '{{instance}}' },
          ],
          unit: 's',
        }),
        graph({
          title: 'Endpoints by member',
          description: 'Each endpoint is polled by one member, and only its page has it.',
          width: 8,
          series: [
            { expr: each('serverless_exporter_cluster_endpoints'), legend: '{{instance}}' },
          ],
          unit: 'none',
          stacked: true,
        }),
        graph({
          title: 'Endpoints given up a minute',
          description:
            'They move when an exporter joins or leaves. What one gives up another one takes, once all have said so.',
          width: 8,
          series: [
            {
              expr: `60 * ${eachRate('serverless_exporter_cluster_endpoints_given_up_total', 'instance')}`,
              legend: '{{instance}}',
            },
          ],
          unit: 'none',
        }),
      ],
    },
  ],
};
