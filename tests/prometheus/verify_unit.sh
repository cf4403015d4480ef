#!/bin/sh
# verify_unit.sh UNIT SOCKET SYSUSERS: both units are well formed, and the service stays hardened. Needs no installed binary
# and no running systemd.
set -eu
unit=$(realpath "$1")
socket=$(realpath "$2")
sysusers=$(realpath "$3")

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
name=$(basename "$unit")

fail() {
  echo "verify_unit: $*" >&2
  exit 1
}

# verify wants the program to exist. Its name, and that what stands there as an example is done, is all
# that the copy changes.
grep -q '^ExecStart=/usr/bin/serverless_exporter ' "$unit" || fail "$name does not start /usr/bin/serverless_exporter"
grep -q '^#LoadCredential=' "$unit" || fail "$name has no example of LoadCredential="
sed 's|^ExecStart=/usr/bin/serverless_exporter |ExecStart=/bin/true |; s|^#LoadCredential=|LoadCredential=|' \
  "$unit" >"$copy/$name"

cp "$socket" "$copy"

# An unknown directive is only a warning with status 0, so any word about the units fails. Words about
# units of the machine itself are not ours.
words=$(systemd-analyze verify --man=no --recursive-errors=no "$copy/$name" \
  "$copy/$(basename "$socket")" 2>&1) || fail "$words"
ours=$(printf '%s\n' "$words" | grep -F "$(basename "$name" .service)." || true)
[ -z "$ours" ] || fail "$ours"

# The user that the unit runs as is the one that is created.
user=$(sed -n 's/^User=//p' "$unit")
grep -q "^u $user " "$sysusers" || fail "$sysusers does not create the user '$user' of $name"
systemd-sysusers --dry-run "$sysusers"

# The threshold is the exposure level times 10.
systemd-analyze security --offline=true --no-pager --threshold=12 "$copy/$name"
