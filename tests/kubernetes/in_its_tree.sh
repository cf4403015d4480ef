#!/bin/sh
# in_its_tree.sh BUILD: the image as it is run, without what runs images: its file system, read-only, as
# the root of a user who is nobody else. Needs root, or a kernel that lets everybody have a namespace.
# shellcheck disable=SC2086 # variables of several words
set -eu
if [ $# = 1 ]; then
  user=$(id -u)
  [ "$user" = 0 ] && map='' || map=--map-root-user
  exec unshare $map --mount --net --pid --fork --kill-child "$0" "$1" "$user"
fi
user=$2
ip link set lo up
build=$(readlink -f "$1")
source=$(readlink -f "$(dirname "$0")/../..")
work=$(mktemp -d)
root=$work/root

fail() {
  echo "in_its_tree: $*" >&2
  cat "$work"/*.log >&2
  exit 1
}

# The last word of a line that a program writes when it listens.
listening() {
  for _ in $(seq 300); do
    word=$(grep -o 'http://127[0-9.:]*' "$1" | head -n 1) && [ -n "$word" ] && echo "$word" && return
    sleep 0.1
  done
  fail "nothing listens"
}

"$source/container/tree.sh" "$root" "$build/serverless_exporter" /usr/bin/curl
"$build/serverless_simulator" >"$work/simulator.log" 2>&1 &
api=$(listening "$work/simulator.log")

mkdir -p "$root/keys" "$root/proc"
echo demo-key >"$root/keys/runpod"
chmod 0444 "$root/keys/runpod"
cat >"$root/etc/serverless_exporter/config.toml" <<TOML
[[accounts]]
name = "prod"
provider = "runpod"
api_key_file = "/keys/runpod"
api_url = "$api/runpod-api"
queue_url = "$api/runpod-queue"
TOML
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"

# As the image's user; where one has only a namespace, there is no other.
inside="chroot $root"
[ "$user" != 0 ] || inside="chroot --userspec=65532:65532 $root"

! $inside /bin/sh -c true 2>/dev/null || fail "there is a shell"
$inside /usr/bin/serverless_exporter --config /etc/serverless_exporter/config.toml \
  >"$work/exporter.log" 2>&1 &
exporter=$!

# As the image asks for it.
health=$(sed -nE 's/^ *CMD \[(.*)\]$/\1/p' "$source/container/Containerfile" | tr -d '",')
for _ in $(seq 300); do
  $inside $health >/dev/null 2>&1 && break
  sleep 0.1
done
$inside $health >/dev/null || fail "it is not healthy"
for _ in $(seq 300); do
  curl --fail --silent http://127.0.0.1:10042/-/ready >/dev/null && break
  sleep 0.1
done
page=$(curl --fail --silent http://127.0.0.1:10042/metrics) || fail "no page"
for name in serverless_endpoint_workers serverless_worker_info process_start_time_seconds \
  process_resident_memory_bytes; do
  echo "$page" | grep -q "^$name" || fail "$name is not on the page"
done
kill "$exporter"
wait "$exporter" || fail "it ends with $?"
umount "$root/proc" "$root"
rm -rf "$work"
