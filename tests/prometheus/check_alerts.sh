#!/bin/sh
# check_alerts.sh RULES TESTS RUNBOOKS: every alert has a unit test and a runbook that its runbook_url
# names, and every runbook has an alert.
set -eu
rules=$1
tests=$2
runbooks=$3
status=0

complain() {
  echo "check_alerts: $*" >&2
  status=1
}

alerts=$(sed -n 's/^ *- alert: *//p' "$rules" | sort -u)
[ -n "$alerts" ] || complain "no alert in $rules"
for alert in $alerts; do
  anchor=$(printf '%s' "$alert" | tr '[:upper:]' '[:lower:]')
  grep -q "alertname: $alert\$" "$tests" || complain "$alert has no test in $tests"
  grep -q "^## $alert\$" "$runbooks" || complain "$alert has no section in $runbooks"
  [ "$(grep -c "^ *- alert: $alert\$" "$rules")" = "$(grep -c "^ *runbook_url: .*/docs/runbooks.md#$anchor\$" "$rules")" ] ||
    complain "a rule of $alert does not name the runbook #$anchor"
done
sections=$(sed -n 's/^## \(Serverless.*\)/\1/p' "$runbooks")
for section in $sections; do
  printf '%s\n' "$alerts" | grep -qx "$section" || complain "$runbooks has a section for $section, which is no alert"
done
exit $status
