#!/bin/sh
# draw.sh BINARIES WORK MINUTES: draws the dashboards after so many minutes of the simulated fleet, into
# WORK. What nobody should see on one (an error, NaN, an id as "Mil") fails.
set -eu
binaries=$1
work=$2
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$work"
node "$here/render/bundle.mjs" "$work/page.js"
node "$here/build/results.js" "$binaries" "$work" "$3"
for name in fleet endpoint worker exporter; do
  node "$here/render/picture.mjs" "$work/page.js" "$work/$name.json" "$work/$name.png"
done
