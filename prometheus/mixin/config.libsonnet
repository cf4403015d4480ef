// What a site may want otherwise. In a mixin of yours: (import 'mixin.libsonnet') { _config+:: { ... } }
{
  _config+:: {
    // The job under which Prometheus scrapes the exporters.
    job: 'serverless_exporter',
    // Where the links of the annotations lead.
    runbooks: 'https://github.com/serverless-exporter/serverless_exporter/blob/main/docs/runbooks.md',
    grafana: 'http://localhost:3000',
  },
}
