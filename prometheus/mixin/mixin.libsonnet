// The monitoring mixin: prometheusAlerts and prometheusRules, as any mixin has them.
(import 'config.libsonnet') + (import 'rules.libsonnet') + (import 'alerts.libsonnet')
