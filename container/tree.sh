#!/bin/sh
# tree.sh DIRECTORY PROGRAM...: the whole file system of an image with these programs: they, the
# libraries that they load, the authorities that they trust, and one user. No shell, no package manager.
set -eu
root=$1
shift

take() {
  mkdir -p "$root$(dirname "$2")"
  cp -L "$1" "$root$2"
}

# Both names of a library: as the loader asks for it, and as the package has it.
libraries() {
  ldd "$@" | sed -nE 's/^[[:space:]]*([^ ]+ => )?(\/[^ ]+) \(0x[0-9a-f]+\)$/\2/p' | sort -u
}

mkdir -p "$root"
for program in "$@"; do
  take "$program" "/usr/bin/$(basename "$program")"
  strip "$root/usr/bin/$(basename "$program")"
done
libraries "$@" | while read -r library; do
  take "$library" "$library"
  # Packages name it with or without the /usr that /lib leads to.
  real=$(readlink -f "$library")
  package=$(dpkg-query -S "*${real#/usr}" | sed 's/:.*//;q')
  take "/usr/share/doc/$package/copyright" "/usr/share/doc/$package/copyright"
done

take /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
mkdir -p "$root/etc/serverless_exporter"
echo 'serverless-exporter:x:65532:65532::/nonexistent:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'serverless-exporter:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
