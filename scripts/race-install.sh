#!/usr/bin/env bash
# Installs the C compiler that Go's race detector links with, where there is none.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/servers/lib.sh"

links() { echo 'int main(void) { return 0; }' | "${CC:-gcc}" -x c - -pthread -o /dev/null; }
links 2>/dev/null || apt_install gcc libc6-dev
links || die "the C compiler ${CC:-gcc} cannot build a program, and Go's race detector needs one"
