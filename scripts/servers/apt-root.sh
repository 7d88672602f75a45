#!/usr/bin/env bash
# apt-root.sh ROOT SUITE PACKAGE...
# Unpacks PACKAGEs of another Debian SUITE (sid, trixie, …), with everything they
# depend on down to libc, into the private directory ROOT, and points the programs
# there at ROOT's own libraries, so that they run from anywhere, as any user. The
# machine's own apt sources and dpkg database are only read, never changed; the
# mirror's address is taken from them. ROOT must stay where it was made.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"
[[ $# -ge 3 ]] || { echo "usage: ${0##*/} ROOT SUITE PACKAGE..." >&2; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd) suite=$2
shift 2
command -v patchelf >/dev/null || apt_install patchelf

key=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -f $key ]] || die "not a Debian machine: $key is missing"
# The mirror: the first address among the machine's sources, Debian's own first.
uri=$({ cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
  awk '/^URIs:/ { print $2 } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) print $i }' | sed -n 1p)
[[ -n $uri ]] || die "no address of a Debian mirror in /etc/apt"

apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/status"
echo "deb [signed-by=$key] $uri $suite main" >"$apt/sources.list"
aptget() {
  apt-get -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Retries=3 \
    -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=false -o Debug::NoLocking=true "$@"
}
aptget update
aptget install -y --download-only "$@" >/dev/null

# A merged /usr: its links must be there before anything is unpacked.
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
for dir in bin sbin lib lib64; do [[ -e $root/$dir ]] || ln -s "usr/$dir" "$root/$dir"; done
for deb in "$apt"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner
done

ldso=$(find "$root"/usr/lib64 "$root"/usr/lib -maxdepth 2 -name 'ld-linux-*.so.*' -print -quit)
libs=$(dirname "$(find "$root/usr/lib" -maxdepth 2 -name libc.so.6 -print -quit)")
for program in "$root"/usr/bin/* "$root"/usr/sbin/* "$root"/usr/lib/postgresql/*/bin/*; do
  [[ -f $program && ! -L $program ]] || continue
  patchelf --print-interpreter "$program" >/dev/null 2>&1 || continue
  patchelf --set-interpreter "$ldso" --force-rpath --set-rpath "$libs:$libs/private" "$program"
done
chmod -R a+rX "$root"
echo "unpacked $* of $suite in $root" >&2
