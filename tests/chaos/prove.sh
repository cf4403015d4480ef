#!/usr/bin/env bash
# Shows that the checker sees what it is there for: prove.sh PROGRAMS WORK. Builds the exporter three
# times below WORK, each time without one of the things that hold, and runs the short form on it:
# the checker must find violations of the sort that this is.
set -euo pipefail
source=$(dirname "$(readlink -f "$0")")/../..
programs=$(readlink -f "$1")
work=$2
rm -rf "$work"
mkdir -p "$work/tree"
work=$(readlink -f "$work")

git -C "$source" ls-files -z --cached --others --exclude-standard |
  tar -C "$source" --null -T - -c | tar -x -m -C "$work/tree"
cmake -S "$work/tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DBUILD_TESTING=OFF >/dev/null

# The tree is below another repository, which it is no part of.
export GIT_CEILING_DIRECTORIES=$work

prove() {
  local name=$1 sort=$2 patch=$work/tree/tests/chaos/sabotage/$1.patch
  git -C "$work/tree" apply "$patch"
  cmake --build "$work/build" --target serverless_exporter >/dev/null
  echo "== $(head -n 1 "$patch")"
  local status=0
  mkdir "$work/$name"
  "$programs/chaos" --directory "$work/$name" --seconds 60 \
    --exporter "$work/build/serverless_exporter"
  "$programs/chaos_check" "$work/$name/recording.gz" | tee "$work/$name/verdict" || status=$?
  git -C "$work/tree" apply -R "$patch"
  if [ "$status" != 1 ] || ! grep -q "^violation $sort " "$work/$name/verdict"; then
    echo "not proved: without $name the checker finds nothing of the sort '$sort'" >&2
    exit 1
  fi
  echo "proved: without $name there are violations of the sort '$sort'"
}

prove expiry age
prove isolation late
prove counters counter
