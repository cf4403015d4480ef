// Recording rules, named level:metric:operation. Each begins with `max without (instance)`: several
// exporters may watch one fleet. The dashboards do without them.
{
  prometheusRules+:: {
    groups+: [{
      name: 'serverless-recorded',
      rules: [
        {
          // Workers that should be up: what ratios are taken of.
          record: 'endpoint:serverless_live_workers:sum',
          expr: 'sum without (status) (max without (instance) (serverless_endpoint_workers{status!="stopped"}))',
        },
        {
          record: 'endpoint:serverless_ready_workers:ratio',
          expr: |||
            max without (instance) (serverless_endpoint_ready_workers)
              / (endpoint:serverless_live_workers:sum > 0)
          |||,
        },
        {
          // A rollout's share of the stale workers; a silent heartbeat is none.
          record: 'endpoint:serverless_outdated_workers:sum',
          expr: |||
            sum without (reason) (
              max without (instance) (serverless_endpoint_stale_workers{reason=~"version|image"})
            )
          |||,
        },
        {
          record: 'endpoint:serverless_load:ratio',
          expr: |||
            max without (instance) (serverless_endpoint_load)
              / (max without (instance) (serverless_endpoint_capacity) > 0)
          |||,
        },
        {
          // Only under load: an idle worker serves little and is well. And only where the number
          // comes from a benchmark: before, it is in another unit.
          record: 'worker:serverless_perf:ratio',
          expr: |||
            max without (instance) (serverless_worker_cur_perf)
              / (max without (instance) (serverless_worker_perf) > 0)
            and
            max without (instance) (serverless_worker_benchmarked) == 1
            and
            max without (instance) (serverless_worker_cur_load)
              / max without (instance) (serverless_worker_perf) > 0.5
          |||,
        },
        {
          record: 'account:serverless_cost_dollars_per_hour:sum',
          expr: 'sum without (endpoint_id) (max without (instance) (serverless_endpoint_cost_dollars_per_hour))',
        },
      ],
    }],
  },
}
