#!/usr/bin/env bash
# in_a_clean_root.sh PACKAGE.deb WORK: installs it into a Debian 12 that has nothing but what it
# depends on, runs it there as its own user against the simulator, upgrades it over an older version
# with a changed configuration, purges it, and looks what is left. Root only. The clean system is kept
# as WORK/root.tar.
set -euo pipefail
package=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
name=prometheus-serverless-exporter
config=/etc/serverless_exporter/config.toml
root=
running=()

fail() {
  echo "in_a_clean_root: $*" >&2
  exit 1
}

tidy() {
  [ ${#running[@]} = 0 ] || kill "${running[@]}" 2>/dev/null || true
  [ -z "$root" ] || ! mountpoint -q "$root/proc" || umount -l "$root/proc"
  rm -rf --one-file-system "$root" "$work/older"
}
trap tidy EXIT

inside() { LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
# Not a function: in the background $! would be another shell's.
as_user=(chroot --userspec=serverless-exporter:serverless-exporter)

# Everything but what apt and dpkg remember, and the accounts: Debian leaves a system user, whose number
# must never be another's.
files() {
  (cd "$root" && find . -xdev \
    \( -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log \
    -o -path ./proc -o -path ./tmp \) -prune -o -print | sort)
}

wait_for() {
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "never happened: $what"
    sleep 0.1
  done
}

make_root() {
  [ ! -f "$work/root.tar" ] || return 0
  local new=$work/root.new
  rm -rf "$new"
  debootstrap --variant=minbase bookworm "$new" >&2
  printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
  chmod 755 "$new/usr/sbin/policy-rc.d"
  local depends
  depends=$(dpkg-deb -f "$package" Depends)
  root=$new inside apt-get update -q >&2
  root=$new inside apt-get satisfy -y -q --no-install-recommends "$depends" >&2
  tar -C "$new" -cf "$work/root.tar.new" .
  mv "$work/root.tar.new" "$work/root.tar"
  rm -rf "$new"
}

# The same, said to be older, with another configuration.
make_older() {
  dpkg-deb -R "$package" "$work/older"
  sed -i 's/^Version: .*/Version: 0.0.1/' "$work/older/DEBIAN/control"
  echo '# older' >>"$work/older$config"
  (cd "$work/older" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | xargs -0 md5sum \
    >DEBIAN/md5sums)
  dpkg-deb --root-owner-group -b "$work/older" "$root/tmp/older.deb" >&2
}

# Starts it as its user, and waits until all was polled.
serves() {
  ! curl -s -o /dev/null http://127.0.0.1:10042/ || fail "somebody else serves at port 10042"
  "${as_user[@]}" "$root" /usr/bin/serverless_exporter >"$root/tmp/exporter.log" 2>&1 &
  local exporter=$!
  running+=("$exporter")
  wait_for "the exporter is ready" curl -sf -o /dev/null http://127.0.0.1:10042/-/ready
  [ "$(stat -c %u "/proc/$exporter")" = "$(inside id -u serverless-exporter)" ] ||
    fail "it does not run as its user"
  curl -sf -o "$root/tmp/page" http://127.0.0.1:10042/metrics
  grep -q '^serverless_endpoint_workers{.*} [1-9]' "$root/tmp/page" || fail "no workers on the page"
  kill "$exporter"
  wait "$exporter" || fail "it ended with $?"
}

make_root
root=$(mktemp -d "$work/run.XXXXXX")
tar -C "$root" -xf "$work/root.tar"
mount -t proc proc "$root/proc"
files >"$work/before"

make_older
cp "$package" "$root/tmp/package.deb"
inside dpkg -i /tmp/older.deb >&2
[ "$(inside getent passwd serverless-exporter | cut -d: -f7)" = /usr/sbin/nologin ] ||
  fail "no user, or one who can log in"
for file in man/man1/serverless_exporter.1.gz man/man5/serverless_exporter.toml.5.gz \
  bash-completion/completions/serverless_exporter zsh/vendor-completions/_serverless_exporter \
  fish/vendor_completions.d/serverless_exporter.fish $name/dashboards/fleet.json \
  $name/rules/serverless_exporter.rules.yml doc/$name/examples/example.toml; do
  [ -s "$root/usr/share/$file" ] || fail "it has no /usr/share/$file"
done
# shellcheck disable=SC2016 # dpkg-query expands it
[[ $(inside dpkg-query -W -f '${Conffiles}' $name) == *" $config "* ]] || fail "$config is no conffile"
[[ $(inside serverless_exporter --version) == "serverless_exporter $(dpkg-deb -f "$package" Version)"* ]] ||
  fail "program and package are not of one version"
status=0
"${as_user[@]}" "$root" /usr/bin/serverless_exporter 2>"$root/tmp/unset.log" || status=$?
[ "$status" = 78 ] || fail "without an account it ends with $status"
grep -q 'no account' "$root/tmp/unset.log" || fail "without an account it does not say so"

"${as_user[@]}" "$root" /usr/bin/serverless_simulator --key package-key >"$root/tmp/simulator.log" &
running+=("$!")
wait_for "the simulator listens" grep -sq '^listening ' "$root/tmp/simulator.log"
simulator=$(sed -n 's/^listening //p' "$root/tmp/simulator.log")
echo package-key >"$root/etc/serverless_exporter/runpod.key"
inside chgrp serverless-exporter /etc/serverless_exporter/runpod.key
chmod 0640 "$root/etc/serverless_exporter/runpod.key"
cat >>"$root$config" <<TOML
[[accounts]]
name = "package"
provider = "runpod"
api_key_file = "/etc/serverless_exporter/runpod.key"
api_url = "$simulator/runpod-api"
queue_url = "$simulator/runpod-queue"
TOML
cp "$root$config" "$work/mine.toml"
serves

inside dpkg --force-confdef --force-confold -i /tmp/package.deb >&2
cmp "$root$config" "$work/mine.toml" || fail "the upgrade changed what was configured"
! grep -q '# older' "$root$config.dpkg-dist" || fail "the new configuration is not beside it"
# shellcheck disable=SC2016 # dpkg-query expands it
[ "$(inside dpkg-query -W -f '${Version}' $name)" = "$(dpkg-deb -f "$package" Version)" ] ||
  fail "not upgraded"
serves

rm "$root/etc/serverless_exporter/runpod.key"
inside dpkg -P $name >&2
files | diff "$work/before" - >&2 || fail "the purge did not leave what was before"
echo "in_a_clean_root: installed, run, upgraded, purged" >&2
