#!/usr/bin/env bash
# What `make test` runs in guests: tests/kernel/run.sh BINARY [SERIES...]. Default: 6.1.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
ULLAGE_BINARY=$(realpath "${1:?usage: run.sh BINARY [SERIES...]}")
export ULLAGE_BINARY
shift
[ $# -gt 0 ] || set -- 6.1
failed=0
for series in "$@"; do
	"$here/test_find.sh" "$series" || failed=1
	"$here/test_hidden.sh" "$series" || failed=1
	"$here/test_freepath.sh" "$series" || failed=1
	"$here/test_orphans.sh" "$series" || failed=1
	"$here/test_series.sh" "$series" || failed=1
done
exit "$failed"
