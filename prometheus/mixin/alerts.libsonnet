// - Several exporters may watch one fleet. once() makes one series of theirs, so that nothing is counted
//   or notified twice.
// - When an exporter dies, its series vanish and an alert on them would say "resolved" while nothing is.
//   keep_firing_for is therefore longer than ServerlessExporterDown takes to fire. The price is that a
//   real recovery is notified 10 minutes late.
// - severity: critical wakes somebody, warning is for working hours, info is for the dashboards.
// - A cause waits less long than its consequences, so that Alertmanager can inhibit these.
// - Descriptions say what is wrong where, since when, and what to do first.
{
  local config = $._config,

  // ---- what a description is made of

  local the(labels) = std.join(' ', ['$labels.' + label for label in labels]),
  local matchers(labels) = std.join(',', ['%s=%%q' % label for label in labels]),

  // The moment that the condition began to hold; engines that do not keep it say how long it held.
  local words = { '2m': '2 minutes', '5m': '5 minutes', '8m': '8 minutes', '10m': '10 minutes', '15m': '15 minutes', '30m': 'half an hour', '1h': 'an hour' },
  local since(alert, labels, held) =
    '{{ with query (printf "ALERTS_FOR_STATE{alertname=\'%s\',%s}" %s) }}since {{ . | first | value | humanizeTimestamp }}{{ else }}for %s or longer{{ end }}'
         % [alert, matchers(labels), the(labels), words[held]],

  local of_account = ['provider', 'account'],
  local of_endpoint = of_account + ['endpoint_id'],
  local of_worker = of_endpoint + ['worker_id'],

  local account = 'Account {{ $labels.account }} at {{ $labels.provider }}',
  // People know an endpoint by its name, which only the info metric has.
  local endpoint = 'Endpoint {{ with query (printf "serverless_endpoint_info{%s}" %s) }}{{ with . | first | label "name" }}{{ . }} {{ end }}{{ end }}({{ $labels.endpoint_id }}) of account {{ $labels.account }} at {{ $labels.provider }}'
                   % [matchers(of_endpoint), the(of_endpoint)],
  local worker = 'Worker {{ $labels.worker_id }} of ' + std.strReplace(endpoint, 'Endpoint', 'endpoint'),

  local dashboard(name, labels) =
    '%s/d/serverless-%s' % [config.grafana, name]
    + (if labels == [] then '' else '?' + std.join('&', ['var-%s={{ $labels.%s }}' % [l, l] for l in labels])),

  // One rule. `more`: labels beyond those of `level` that tell its series apart.
  local levels = {
    fleet: { labels: [], dashboard: 'exporter', where: '' },
    account: { labels: of_account, dashboard: 'fleet', where: account },
    api: { labels: of_account, dashboard: 'exporter', where: account },
    endpoint: { labels: of_endpoint, dashboard: 'endpoint', where: endpoint },
    poll: { labels: of_endpoint, dashboard: 'exporter', where: endpoint },
    worker: { labels: of_worker, dashboard: 'worker', where: worker },
  },
  local alert(name, severity, level, held, expr, summary, what, first, more=[], keep='10m', labels={}) = {
    local at = levels[level],
    local links = if at.dashboard == 'exporter' then std.filter(function(l) l != 'endpoint_id', at.labels) else at.labels,
    alert: name,
    expr: expr,
    'for': held,
    [if keep != '' then 'keep_firing_for']: keep,
    labels: { severity: severity } + labels,
    annotations: {
      summary: summary,
      description: (if at.where == '' then '' else at.where + ': ') + what
                   + (if std.endsWith(what, '.') then '' else ', ' + since(name, at.labels + more, held) + '.')
                   + ' First: ' + first,
      runbook_url: '%s#%s' % [config.runbooks, std.asciiLower(name)],
      dashboard_url: dashboard(at.dashboard, links),
    },
  },

  // ---- what an expression is made of

  local E = 'on (job, provider, account, endpoint_id)',
  local W = 'on (job, provider, account, endpoint_id, worker_id)',
  local once = config.once,
  // What the exporters of a cluster tell, and no others.
  local of_members = 'and on (job, %s) serverless_exporter_cluster_joined' % config.targetLabels,

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'serverless-workers',
        rules: [
          // Jobs that wait while workers fail: more workers would fail as well.
          alert(
            'ServerlessEndpointCrashLoop', 'critical', 'endpoint', '5m',
            |||
              %s > 0
              and %s %s > 0
              and %s %s == 0
            ||| % [
              once('serverless_endpoint_jobs_in_queue'),
              E,
              once('serverless_endpoint_workers{status="unhealthy"}'),
              E,
              once('serverless_endpoint_ready_workers'),
            ],
            'The workers of a serverless endpoint crash while jobs wait.',
            'none of its workers is ready, at least one is unhealthy, and {{ $value }} job(s) wait',
            "read the log of an unhealthy worker; if its image or settings were changed, roll them back. It is not a lack of capacity: more workers do not help."
          ),

          // Somebody wants workers: jobs wait, a minimum is configured, or (Vast.ai) the autoscaler
          // has recruited some. An endpoint that is scaled to zero, or suspended, is silent.
          alert(
            'ServerlessEndpointNoReadyWorkers', 'critical', 'endpoint', '10m',
            |||
              %s == 0
              and %s (
                %s > 0
                or
                %s > 0
                or
                (endpoint:serverless_live_workers:sum{provider="vast"} > 0 and %s %s == 1)
              )
            ||| % [
              once('serverless_endpoint_ready_workers'),
              E,
              once('serverless_endpoint_jobs_in_queue'),
              once('serverless_endpoint_spec_workers_min'),
              E,
              once('serverless_endpoint_state{state="active"}'),
            ],
            'A serverless endpoint has no ready worker although it needs one.',
            'no worker is ready, so nobody is served',
            "look at the statuses of its workers: throttled is a lack of capacity (allow other GPUs or regions), initializing a slow start, none at all a bound or a balance of zero."
          ),

          alert(
            'ServerlessMostWorkersUnhealthy', 'critical', 'endpoint', '10m',
            |||
              %s
                / %s (endpoint:serverless_live_workers:sum >= 4) > 0.5
            ||| % [once('serverless_endpoint_workers{status="unhealthy"}'), E],
            'Most workers of a serverless endpoint are unhealthy.',
            '{{ $value | humanizePercentage }} of its workers are unhealthy',
            'look for what they have in common: an image or a setting that was changed, one region, one type of GPU.'
          ),

          alert(
            'ServerlessWorkersUnhealthy', 'warning', 'endpoint', '15m',
            once('serverless_endpoint_workers{status="unhealthy"}') + ' > 0',
            'Serverless workers are unhealthy.',
            '{{ $value }} worker(s) are unhealthy, and at every look one was',
            'see whether others are ready; then read the log of an unhealthy one.'
          ),

          alert(
            'ServerlessWorkersThrottled', 'warning', 'endpoint', '15m',
            |||
              %s
                / %s endpoint:serverless_live_workers:sum > 0.5
            ||| % [once('serverless_endpoint_workers{status="throttled"}'), E],
            'Most workers of a serverless endpoint wait for capacity.',
            '{{ $value | humanizePercentage }} of its workers are throttled',
            'allow more types of GPU or more data centers for the endpoint.'
          ),

          // RunPod gives a worker 7 minutes, Den 20; at Vast.ai a large model may take its time.
          alert(
            'ServerlessWorkersStuckInitializing', 'warning', 'endpoint', '5m',
            'time() - min without (%s) (serverless_endpoint_oldest_in_status_timestamp_seconds{status="initializing"}) > 1800' % config.targetLabels,
            'A serverless worker does not get ready.',
            'a worker has been initializing for {{ $value | humanizeDuration }}.',
            'read its log: does it still load its image or model, or does it wait for something?'
          ),

          // A rollout replaces workers one by one and lets them finish their job: it may take a while.
          alert(
            'ServerlessWorkersStale', 'warning', 'endpoint', '30m',
            once('serverless_endpoint_stale_workers{reason=~"version|image"}') + ' > 0',
            'Serverless workers run an outdated version or image.',
            '{{ $value }} worker(s) are outdated ({{ $labels.reason }})',
            'compare with how long your jobs take: a busy worker is replaced when its job is done.',
            more=['reason']
          ),

          // Such a worker is counted only after 15 silent minutes; this waits for 15 more.
          alert(
            'ServerlessWorkersStale', 'warning', 'endpoint', '15m',
            once('serverless_endpoint_stale_workers{reason="heartbeat"}') + ' > 0',
            'Serverless workers say that they are healthy, but send no heartbeat.',
            '{{ $value }} worker(s) are listed as healthy and send no heartbeat',
            'open such a worker; if it does not answer, restart it.',
            more=['reason'],
            // The series says so too. Here it tells this rule from the one above.
            labels={ reason: 'heartbeat' }
          ),

          alert(
            'ServerlessRolloutStuck', 'warning', 'endpoint', '15m',
            'endpoint:serverless_outdated_workers:sum >= (endpoint:serverless_outdated_workers:sum offset 1h > 0)',
            'A rollout of a serverless endpoint makes no progress.',
            '{{ $value }} worker(s) are outdated, no fewer than an hour before',
            'look at the new workers: if they are throttled or unhealthy, the old ones stay.'
          ),

          // The autoscaler believes that it works, and sends it no more; the GPU does nothing.
          alert(
            'ServerlessSlotWedged', 'warning', 'worker', '10m',
            |||
              %s > 0
              and %s
              %s < 0.05
            ||| % [
              once('serverless_worker_requests_in_flight'),
              W,
              once('serverless_worker_gpu_utilization_ratio'),
            ],
            'A serverless worker has requests in flight and its GPU idles.',
            '{{ $value }} request(s) are in flight and its GPU is below 5%',
            'reboot the worker; its slot is lost until then.'
          ),

          alert(
            'ServerlessUnknownStatus', 'info', 'endpoint', '30m',
            once('serverless_endpoint_workers{status="unknown"}') + ' > 0',
            'Serverless workers have a status that the exporter does not know.',
            '{{ $value }} worker(s) have a status that the exporter does not know',
            'read the word in serverless_endpoint_workers_native, and report it.'
          ),
        ],
      },

      {
        name: 'serverless-load',
        rules: [
          alert(
            'ServerlessQueueBacklog', 'warning', 'endpoint', '15m',
            |||
              %s
                / %s clamp_min(%s, 1) > 10
            ||| % [once('serverless_endpoint_jobs_in_queue'), E, once('serverless_endpoint_ready_workers')],
            'Jobs pile up at a serverless endpoint.',
            '{{ $value | humanize }} jobs wait for each ready worker',
            'see whether the workers work at all; if they do, raise the maximum.'
          ),

          // RunPod lowers the maximum by itself, down to 0.
          alert(
            'ServerlessAtMaxWorkers', 'warning', 'endpoint', '15m',
            |||
              endpoint:serverless_live_workers:sum >= %s
              and %s %s > 0
            ||| % [once('serverless_endpoint_spec_workers_max'), E, once('serverless_endpoint_jobs_in_queue')],
            'A serverless endpoint has as many workers as it may, and jobs wait.',
            'it has {{ $value }} worker(s), as many as it may have, and jobs wait',
            'look whether its maximum was lowered; raise it if the workers are well.'
          ),

          alert(
            'ServerlessJobFailures', 'warning', 'endpoint', '10m',
            |||
              %(failed)s
                / (%(failed)s + %(completed)s) > 0.05
              and
              %(failed)s >= 5
            ||| % {
              failed: once('increase(serverless_endpoint_jobs_failed_total[15m])'),
              completed: once('increase(serverless_endpoint_jobs_completed_total[15m])'),
            },
            'Jobs of a serverless endpoint fail.',
            '{{ $value | humanizePercentage }} of the jobs of 15 minutes failed',
            'read the error of a failed job; compare with the last change of image or input.'
          ),

          alert(
            'ServerlessPerfDegraded', 'warning', 'worker', '15m',
            'avg_over_time(worker:serverless_perf:ratio[10m]) < 0.7',
            'A serverless worker serves less than its benchmark, under load.',
            'it serves {{ $value | humanizePercentage }} of what its benchmark promised',
            'compare it with the other workers; if it is the only one, destroy it.'
          ),

          alert(
            'ServerlessReliabilityLow', 'info', 'worker', '30m',
            once('serverless_worker_reliability_ratio') + ' < 0.9',
            'A serverless worker runs on an unreliable machine.',
            'the reliability of its machine is {{ $value | humanizePercentage }}',
            'nothing at night; ask for more reliable machines in the search of its worker group.'
          ),
        ],
      },

      {
        name: 'serverless-cost',
        rules: [
          alert(
            'ServerlessOrphanInstances', 'warning', 'account', '30m',
            once('serverless_account_orphan_instances') + ' > 0',
            'Instances bill and belong to no serverless endpoint.',
            '{{ $value }} instance(s) bill and are in no endpoint',
            'find them in the list of instances, and destroy what nobody rented on purpose.'
          ),

          alert(
            'ServerlessCostSpike', 'warning', 'account', '15m',
            |||
              account:serverless_cost_dollars_per_hour:sum
                > 2 * avg_over_time(account:serverless_cost_dollars_per_hour:sum[1d] offset 30m)
              and
              account:serverless_cost_dollars_per_hour:sum > 1
            |||,
            'The workers of an account cost twice what they did.',
            'its workers cost {{ $value | printf "%.2f" }} dollars an hour, more than twice the average of a day',
            'see which endpoint it is, and whether its load has doubled, too.'
          ),

          alert(
            'ServerlessIdleBilled', 'info', 'worker', '1h',
            |||
              %s > 0.1
              and %s %s == 1
            ||| % [
              once('serverless_worker_cost_dollars_per_hour'),
              W,
              once('serverless_worker_status{status="idle"}'),
            ],
            'A serverless worker bills and has nothing to do.',
            'it costs {{ $value | printf "%.2f" }} dollars an hour and is idle',
            'nothing at night; lower the minimum of its endpoint if it is often so.'
          ),

          alert(
            'ServerlessCostUnpriced', 'info', 'endpoint', '1h',
            once('serverless_endpoint_cost_unpriced_workers') + ' > 0',
            'Serverless workers have no known price.',
            'the price of {{ $value }} worker(s) is not known, so its cost is shown too low',
            'nothing at night; see whether the key may read instances.'
          ),
        ],
      },

      {
        name: 'serverless-data',
        rules: [
          // An exporter that is refused from its start discovers no endpoint, so no series of an
          // endpoint could tell. The exporter does not take one refusal of Den's for a bad key.
          alert(
            'ServerlessKeyRefused', 'critical', 'api', '5m',
            |||
              %s == 0
              and on (job, provider, account)
              increase(serverless_account_poll_failures_total{reason=~"auth|forbidden"}[10m]) > 0
            ||| % once('serverless_account_up'),
            'A provider refuses the key of an account.',
            'its key is refused by the {{ $labels.api }} API',
            "see in the provider's console whether the key still exists; put a good one into the key file.",
            more=['api']
          ),

          // 8 minutes: the data expire 90 s later, so ServerlessDataExpired comes after this, and before
          // the alerts on those data end, 10 minutes after them.
          alert(
            'ServerlessAccountDown', 'critical', 'api', '8m',
            once('serverless_account_up') + ' == 0',
            "A provider's API does not serve an account.",
            'the {{ $labels.api }} API refuses it or does not answer',
            "look at the reason in the exporter's log or status page, and at the provider's own status page.",
            more=['api']
          ),

          alert(
            'ServerlessNothingDiscovered', 'critical', 'api', '10m',
            |||
              %s == 0
              and on (job, provider, account)
              increase(serverless_account_poll_failures_total[15m]) > 0
            ||| % once('serverless_account_endpoints'),
            'No endpoint of an account can be found.',
            'the list of its endpoints fails and none is known, so nothing of it is monitored',
            "look at the reason in the exporter's log: event=poll_failed operation=list_endpoints."
          ),

          alert(
            'ServerlessRateLimited', 'warning', 'api', '15m',
            |||
              max without (%s) (
                increase(serverless_account_poll_failures_total{reason="rate_limited"}[15m])
                  / ignoring (reason)
                sum without (api, operation, code) (increase(serverless_api_requests_total[15m]))
              ) > 0.1
            ||| % config.targetLabels,
            'A provider limits the rate of an account.',
            '{{ $value | humanizePercentage }} of its requests are refused because there were too many',
            'find what else uses that key or user: another exporter, a script. Then poll less often.'
          ),

          // Without its workers an endpoint is not monitored at all.
          alert(
            'ServerlessDataExpired', 'critical', 'poll', '8m',
            once('serverless_endpoint_fresh{source="workers"}') + ' == 0',
            'The worker data of a serverless endpoint have expired.',
            'there is no valid answer about its workers, so it is not monitored and its other alerts cannot fire',
            "look at the reason in the exporter's log; until it is mended use the provider's console.",
            more=['source']
          ),

          alert(
            'ServerlessDataExpired', 'warning', 'poll', '8m',
            once('serverless_endpoint_fresh{source!="workers"}') + ' == 0',
            'A part of the data of a serverless endpoint has expired.',
            'there is no valid answer of source {{ $labels.source }}, and what comes from it is not shown',
            "look at the reason in the exporter's log.",
            more=['source']
          ),

          // Polls that fail every other time keep the data fresh, so ServerlessDataExpired stays
          // silent. The ratio is taken for each exporter; the worst one counts.
          alert(
            'ServerlessPollFailing', 'warning', 'poll', '10m',
            |||
              max without (%s) (
                  sum without (reason) (increase(serverless_poll_failures_total[30m]))
                /
                  increase(serverless_polls_total[30m])
              ) > 0.5
            ||| % config.targetLabels,
            'Most polls of a serverless endpoint fail.',
            '{{ $value | humanizePercentage }} of the polls of source {{ $labels.source }} failed in the last 30 minutes',
            'see in serverless_poll_failures_total which reason it is.',
            more=['source']
          ),

          alert(
            'ServerlessPollSlow', 'info', 'poll', '15m',
            |||
              max without (%s) (
                avg_over_time(serverless_poll_duration_seconds[15m])
                  / serverless_poll_interval_seconds
              ) > 0.5
            ||| % config.targetLabels,
            'Polls of a serverless endpoint are slow.',
            'a poll of source {{ $labels.source }} takes {{ $value | humanizePercentage }} of the time until the next',
            'nothing at night; see whether the provider answers slowly or the account has too many endpoints.',
            more=['source']
          ),

          // The last condition: while an exporter is there to tell.
          alert(
            'ServerlessEndpointRemoved', 'warning', 'account', '2m',
            |||
              (
                max by (job, provider, account, endpoint_id, name) (serverless_endpoint_info offset 30m)
                unless %s
                serverless_endpoint_info
              )
              and on (job, provider, account)
              increase(serverless_account_endpoints_removed_total[30m]) > 0
              and on (job, provider, account)
              serverless_account_endpoints
            ||| % E,
            'A serverless endpoint is no longer listed by its provider.',
            'endpoint {{ $labels.name }} ({{ $labels.endpoint_id }}) is no longer listed',
            'ask who deleted it; if nobody did, look at the rights of the key.',
            more=['endpoint_id']
          ),

          alert(
            'ServerlessWorkersTruncated', 'warning', 'endpoint', '30m',
            once('serverless_endpoint_truncated') + ' == 1',
            'A provider shows only some of the workers.',
            'its provider shows only some of its workers, so every count is too low',
            'nothing at night; archive workers that are not used, or split the organization.'
          ),
        ],
      },

      {
        name: 'serverless-exporter',
        rules: [
          alert(
            'ServerlessExporterDown', 'critical', 'fleet', '5m',
            'absent(up{job="%s"} == 1)' % config.job,
            'No exporter can be scraped.',
            'Prometheus has scraped no target of job %s for 5 minutes or longer, so no serverless worker is monitored.' % config.job,
            'systemctl status serverless_exporter on its host; exit status 78 is a bad configuration or key.',
            keep='',
            labels={ job: config.job }
          ),

          alert(
            'ServerlessExporterDown', 'warning', 'fleet', '5m',
            |||
              up == 0
              and on (job)
              up{job="%(job)s"} == 1
            ||| % config,
            'One of several exporters cannot be scraped.',
            'Prometheus has not been able to scrape {{ $labels.instance }} for 5 minutes or longer. Another exporter of job {{ $labels.job }} still answers: the redundancy is gone, or its share of the fleet.',
            'systemctl status serverless_exporter on that host.'
          ),

          // Nobody else polls the endpoints of a shard that is gone. A rollout takes less.
          alert(
            'ServerlessShardsMissing', 'critical', 'fleet', '5m',
            |||
              %s
                - count without (ordinal) (
                  count_values without (%s) ("ordinal", serverless_exporter_shard_ordinal)
                ) > 0
            ||| % [once('serverless_exporter_shards'), config.targetLabels],
            'A shard of the exporters is missing, and nobody polls its endpoints.',
            '{{ $value }} of the shards of job {{ $labels.job }} have not been scraped for 5 minutes or longer, so their endpoints are not monitored.',
            'see which numbers serverless_exporter_shard_ordinal lacks, and start these exporters.'
          ),

          // One that polls everything beside shards of three is a mistake, too.
          alert(
            'ServerlessShardsMismatch', 'critical', 'fleet', '10m',
            |||
              (
                %(shards)s
                  > min without (%(labels)s) (serverless_exporter_shards)
              )
              or
              (
                count without (%(labels)s) (serverless_exporter_shards > 1)
                  > count without (ordinal) (
                    count_values without (%(labels)s) ("ordinal", serverless_exporter_shard_ordinal)
                  )
              )
            ||| % { shards: once('serverless_exporter_shards'), labels: config.targetLabels },
            'The shards of the exporters do not divide the endpoints.',
            'The exporters of job {{ $labels.job }} have been told different numbers of shards, or two the same ordinal, for 10 minutes or longer: some endpoints are polled twice, or by nobody.',
            'compare serverless_exporter_shards and serverless_exporter_shard_ordinal of all; start each with --shard=I/N, one N and each I once.'
          ),

          // Whoever lists endpoints says how many there are. A new one is listed by one shard up to a
          // discovery interval before another one has it, and a take-over lasts as long as a lease.
          alert(
            'ServerlessEndpointsNotPolled', 'critical', 'api', '15m',
            |||
              %s
                - sum without (%s) (serverless_account_endpoints) > 0
            ||| % [once('serverless_account_endpoints_listed'), config.targetLabels],
            'Serverless endpoints are polled by no exporter.',
            '{{ $value }} endpoint(s) that its provider lists are polled by nobody, so they are not monitored',
            'see whether every shard or member is scraped, and in a cluster whether all are in step: the status page of any member says so.'
          ),

          // Without etcd a member goes on until its lease ends.
          alert(
            'ServerlessClusterEngineLost', 'warning', 'fleet', '2m',
            'serverless_exporter_cluster_engine_up == 0',
            'An exporter of a cluster gets no answer from etcd.',
            'etcd has not answered the exporter at {{ $labels.instance }} for 2 minutes or longer. When its lease ends it polls nothing.',
            'the status page of that exporter says what is wrong; see whether etcd runs, and whether that host reaches it.'
          ),

          // It may be that etcd answers, and grants no lease.
          alert(
            'ServerlessClusterEngineLost', 'critical', 'fleet', '5m',
            'serverless_exporter_cluster_joined == 0',
            'An exporter of a cluster has no lease and polls nothing.',
            'The exporter at {{ $labels.instance }} has had no lease of etcd for 5 minutes or longer, so it polls and serves nothing. Its endpoints are polled by members that have one, or by nobody.',
            'the status page of that exporter says what is wrong; see whether etcd runs, and whether that host reaches it.'
          ),

          // What was served is gone from all pages, so it comes before alerts on it end.
          alert(
            'ServerlessClusterNoMember', 'critical', 'fleet', '3m',
            once('serverless_exporter_cluster_joined') + ' == 0',
            'No exporter of a cluster has a lease, and nothing is polled.',
            'No exporter of job {{ $labels.job }} has had a lease of etcd for 3 minutes or longer, so none polls, and no serverless worker is monitored.',
            'bring etcd back (etcdctl endpoint health); the exporters join again by themselves.'
          ),

          // An account that is not divided is on one page, which is the mean. With 50 endpoints a
          // member, chance gives none of ten members half more than the mean.
          alert(
            'ServerlessClusterUnbalanced', 'warning', 'api', '30m',
            |||
              max without (%(labels)s) (
                serverless_account_endpoints %(members)s == 1
              )
                / (
                avg without (%(labels)s) (
                  serverless_account_endpoints %(members)s == 1
                ) >= 50
              ) > 1.5
            ||| % { labels: config.targetLabels, members: of_members },
            'One exporter of a cluster has far more endpoints than the others.',
            'one exporter polls {{ $value | humanize }} times as many of its endpoints as the mean',
            'see on the status page of any member who has how many, and who is not in step: that one is the cause.'
          ),

          // Two that watch the same and are in no cluster do so on purpose.
          alert(
            'ServerlessEndpointPolledTwice', 'warning', 'endpoint', '5m',
            |||
              count without (%s) (
                serverless_endpoint_fresh{source="workers"} %s
              ) > 1
            ||| % [config.targetLabels, of_members],
            'A serverless endpoint is polled by two exporters of a cluster.',
            '{{ $value }} exporters of the cluster poll it, which costs quota for nothing',
            'compare cluster_name in serverless_exporter_cluster_info: an exporter in a cluster of its own polls everything.'
          ),

          alert(
            'ServerlessConfigReloadFailed', 'warning', 'fleet', '5m',
            'serverless_exporter_config_last_reload_successful == 0',
            'An exporter has refused its new configuration.',
            'The exporter at {{ $labels.instance }} has refused its new configuration 5 minutes ago or earlier and goes on with the one before; it will not start again with the new one.',
            'serverless_exporter --check-config names every mistake.'
          ),

          // What was good stays, so nobody notices: until the certificate expires, or somebody whose
          // password was taken away comes in.
          alert(
            'ServerlessWebReloadFailed', 'warning', 'fleet', '5m',
            'serverless_exporter_web_last_reload_successful == 0',
            'An exporter cannot read its new certificate or its new users.',
            'The exporter at {{ $labels.instance }} has not been able to read its changed files of {{ $labels.part }} for 5 minutes or longer and goes on with what it had: an old certificate, or users who should be no more.',
            'its log names the file and what is wrong: event=web_files_unreadable.'
          ),

          alert(
            'ServerlessCertificateExpires', 'warning', 'fleet', '1h',
            'serverless_exporter_web_certificate_not_after_timestamp_seconds - time() < %d' % (config.certificateDays * 86400),
            'The certificate of an exporter expires soon.',
            'The certificate of the exporter at {{ $labels.instance }} expires in {{ $value | humanizeDuration }}; Prometheus cannot scrape it after that.',
            'renew it; the exporter reads the new files by itself.'
          ),

          // More than a person or a scan leaves behind. A scraper that asks once a minute makes 15.
          alert(
            'ServerlessClientsRefused', 'warning', 'fleet', '15m',
            'increase(serverless_exporter_web_refusals_total[15m]) > 10',
            'An exporter sends clients away, and goes on to.',
            'The exporter at {{ $labels.instance }} has sent {{ $value | humanize }} clients away in 15 minutes for the reason {{ $labels.reason }}, and as many before.',
            'its log has their addresses: event=client_refused. Is one of them a Prometheus of yours?'
          ),

          alert(
            'ServerlessSeriesWithheld', 'warning', 'endpoint', '15m',
            once('serverless_endpoint_worker_series_withheld') + ' > 0',
            'Series of serverless workers are withheld.',
            'the series of {{ $value }} worker(s) are withheld by the limit {{ $labels.limit }}; its sums are whole',
            'nothing at night; raise the limit under [limits] if Prometheus can carry it.',
            more=['limit']
          ),
        ],
      },
    ],
  },
}
