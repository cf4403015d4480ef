#!/bin/sh
# prepare.sh: installs and compiles the generator of the dashboards and their checks, and what draws them.
set -eu
here=$(dirname "$(readlink -f "$0")")
root=$here/../..
"$root/dev" npm grafana/generator tests/grafana tests/grafana/render
npm --prefix "$root/grafana/generator" run --silent build
npm --prefix "$here" run --silent build
