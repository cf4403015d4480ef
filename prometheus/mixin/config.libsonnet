// What a site may want otherwise. In a mixin of yours: (import 'mixin.libsonnet') { _config+:: { ... } }
{
  _config+:: {
    // The job under which Prometheus scrapes the exporters.
    job: 'serverless_exporter',
    // The labels that tell one of several exporters of one fleet from another. In Kubernetes service
    // discovery adds `pod`; where a label is not there, nothing is lost.
    targetLabels: 'instance, pod',
    once(vector):: 'max without (%s) (%s)' % [self.targetLabels, vector],
    // A certificate that has less than this is told of. Yours may live for days only.
    certificateDays: 7,
    // Where the links of the annotations lead.
    runbooks: 'https://github.com/serverless-exporter/serverless_exporter/blob/main/docs/runbooks.md',
    grafana: 'http://localhost:3000',
  },
}
