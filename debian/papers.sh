#!/bin/sh
# papers.sh MANUAL CONFIGURATION.md DIRECTORY: manual pages and completions, into that directory.
set -eu
manual=$1 configuration=$2 out=$3
mkdir -p "$out"
"$manual" man >"$out/serverless_exporter.1"
for shell in bash zsh fish; do "$manual" "$shell" >"$out/$shell"; done
# Its first line is the title; other files of the project and places in this one are no links here.
{
  # Underscores would be emphasis.
  printf '# NAME\n\nserverless\\_exporter.toml - configuration of serverless\\_exporter\n\n# DESCRIPTION\n\n'
  # shellcheck disable=SC2016 # these are Markdown's
  sed -E '1d; s/\[(`[^`]*`|[^]]*)\]\([^)]*\)/\1/g' "$configuration"
} | lowdown -s -Tman -M title=serverless_exporter.toml -M section=5 -M date= \
  >"$out/serverless_exporter.toml.5"
touch "$out/stamp"
