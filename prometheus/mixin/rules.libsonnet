// Recording rules, named level:metric:operation. Each begins with once(): several exporters may watch
// one fleet. The dashboards do without them.
{
  local once = $._config.once,

  prometheusRules+:: {
    groups+: [{
      name: 'serverless-recorded',
      rules: [
        {
          // Workers that should be up: what ratios are taken of.
          record: 'endpoint:serverless_live_workers:sum',
          expr: 'sum without (status) (%s)' % once('serverless_endpoint_workers{status!="stopped"}'),
        },
        {
          record: 'endpoint:serverless_ready_workers:ratio',
          expr: |||
            %s
              / (endpoint:serverless_live_workers:sum > 0)
          ||| % once('serverless_endpoint_ready_workers'),
        },
        {
          // A rollout's share of the stale workers; a silent heartbeat is none.
          record: 'endpoint:serverless_outdated_workers:sum',
          expr: |||
            sum without (reason) (
              %s
            )
          ||| % once('serverless_endpoint_stale_workers{reason=~"version|image"}'),
        },
        {
          record: 'endpoint:serverless_load:ratio',
          expr: |||
            %s
              / (%s > 0)
          ||| % [once('serverless_endpoint_load'), once('serverless_endpoint_capacity')],
        },
        {
          // Only under load: an idle worker serves little and is well. And only where the number
          // comes from a benchmark: before, it is in another unit.
          record: 'worker:serverless_perf:ratio',
          expr: |||
            %(cur_perf)s
              / (%(perf)s > 0)
            and
            %(benchmarked)s == 1
            and
            %(cur_load)s
              / %(perf)s > 0.5
          ||| % {
            cur_perf: once('serverless_worker_cur_perf'),
            perf: once('serverless_worker_perf'),
            benchmarked: once('serverless_worker_benchmarked'),
            cur_load: once('serverless_worker_cur_load'),
          },
        },
        {
          record: 'account:serverless_cost_dollars_per_hour:sum',
          expr: 'sum without (endpoint_id) (%s)' % once('serverless_endpoint_cost_dollars_per_hour'),
        },
      ],
    }],
  },
}
