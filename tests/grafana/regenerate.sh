#!/bin/sh
# regenerate.sh: the dashboards are what the generator makes.
set -eu
root=$(dirname "$(readlink -f "$0")")/../..
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
node "$root/grafana/generator/build/main.js" "$made"
diff -ru "$root/grafana/dashboards" "$made" || {
  echo "regenerate: grafana/dashboards is not what grafana/generator makes: npm run generate there" >&2
  exit 1
}
