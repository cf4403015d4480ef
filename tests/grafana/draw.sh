#!/bin/sh
# draw.sh BINARIES WORK MINUTES: pictures of the dashboards after so many minutes of the simulated
# fleet. What nobody should see on one (an error, NaN, an id as "Mil") fails.
set -eu
binaries=$1
work=$2
here=$(dirname "$(readlink -f "$0")")
pictures=$here/../../grafana/pictures
npm --prefix "$here" run --silent build
node "$here/render/bundle.mjs" "$work/page.js"
node "$here/build/results.js" "$binaries" "$work" "$3"
mkdir -p "$pictures"
for name in fleet endpoint worker exporter; do
  node "$here/render/picture.mjs" "$work/page.js" "$work/$name.json" "$work/$name.png"
  # 256 colours are enough for a README, and a quarter of the bytes.
  pngquant --force --strip --output "$pictures/$name.png" 256 "$work/$name.png"
done
