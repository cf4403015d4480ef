#!/usr/bin/env bash
# reproduce.sh: builds the commit that build/release was built from once more: elsewhere, later, from
# nothing, under another umask, time zone and language. The programs must be the same bytes.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

fail() {
  echo "reproduce: $*" >&2
  exit 1
}

[ -z "$(git status --porcelain)" ] || fail "there are changes: only what is committed can be built twice"

# Of another length, so that no offset is equal by chance.
elsewhere=$(mktemp -d "${TMPDIR:-/tmp}/reproduce.XXXXXXXX")/a/directory/whose/name/is/longer
trap 'rm -rf "${elsewhere%/a/directory/*}"' EXIT
mkdir -p "${elsewhere%/*}"
git clone --quiet --no-hardlinks . "$elsewhere"
(
  cd "$elsewhere"
  umask 077
  # What was compiled before would be no proof.
  export TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 CCACHE_DISABLE=1
  unset CMAKE_CXX_COMPILER_LAUNCHER
  cmake --preset release >/dev/null
  cmake --build --preset release --target serverless_exporter serverless_simulator
)

same=true
for program in serverless_exporter serverless_simulator; do
  one=$(sha256sum <"build/release/$program")
  other=$(sha256sum <"$elsewhere/build/release/$program")
  echo "${one%% *}  $program"
  [ "$one" = "$other" ] && continue
  echo "${other%% *}  $program, built elsewhere" >&2
  cmp "build/release/$program" "$elsewhere/build/release/$program" >&2 || true
  same=false
done
$same || fail "the programs differ"
