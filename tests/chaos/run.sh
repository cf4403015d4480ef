#!/usr/bin/env bash
# One run of the chaos test and the verdict on it: run.sh PROGRAMS [--soak] [OPTION of chaos...].
# What it recorded is left where something was wrong.
set -euo pipefail
programs=$1
shift
checks=()
if [ "${1:-}" = --soak ]; then
  checks=(--soak)
  shift
fi

directory=$(mktemp -d --tmpdir serverless_chaos.XXXXXX)
"$programs/chaos" --directory "$directory" "$@"
status=0
"$programs/chaos_check" "${checks[@]}" "$directory/recording.gz" || status=$?
if [ "$status" = 0 ]; then
  rm -rf "$directory"
else
  echo "left for you: $directory" >&2
fi
exit "$status"
