#!/bin/bash
# tests/cli.sh ULLAGE: use the program wrong in many ways. Each must end with the exit code that is
# promised for it, one clear message on stderr, and nothing on stdout.
# shellcheck disable=SC2016 # shell code for a shell started here
set -u

ullage=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

fail() {
	failed=$((failed + 1))
	echo "FAILED: $1"
	sed 's/^/  stderr: /' "$work/err"
	head -n 5 "$work/out" | sed 's/^/  stdout: /'
}

# expect CODE PATTERN COMMAND...: the exit code, and an extended regular expression stderr matches.
expect() {
	local code=$1 pattern=$2 got
	shift 2
	"$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	if [ "$got" -ne "$code" ]; then
		fail "$* : exit $got, wanted $code"
	elif [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$work/err"; then
		fail "$* : stderr does not match /$pattern/"
	elif [ -z "$pattern" ] && [ -s "$work/err" ]; then
		fail "$* : something on stderr"
	elif [ "$code" -ne 0 ] && [ -s "$work/out" ]; then
		fail "$* : an error, and something on stdout"
	else
		passed=$((passed + 1))
	fi
}

# on_stdout PATTERN: what the last command wrote.
on_stdout() {
	if grep -qE -- "$1" "$work/out"; then
		passed=$((passed + 1))
	else
		fail "stdout does not match /$1/"
	fi
}

sh_() {
	sh -c "$1" sh "$ullage"
}

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

echo "garbage, not a recording" >"$work/garbage"
head -c 100000 /dev/urandom >"$work/random"
: >"$work/empty"

# Memory images: no file, garbage, an empty file, a directory; addresses; not root
for command in orphans 'whatis ffff888000000000' 'refs ffff888000000000'; do
	# shellcheck disable=SC2086
	expect 1 'absent' "$ullage" $command --core "$work/absent"
	# shellcheck disable=SC2086
	expect 5 "not a memory image" "$ullage" $command --core "$work/garbage"
	# shellcheck disable=SC2086
	expect 1 'empty' "$ullage" $command --core "$work/empty"
	# shellcheck disable=SC2086
	expect 5 "not a memory image" "$ullage" $command --core "$work/random"
done
expect 2 'not an address' "$ullage" whatis --core "$work/garbage" xyz
expect 2 'not an address' "$ullage" refs --core "$work/garbage" 0x10000000000000000
expect 2 'needs ADDRESS' "$ullage" whatis
expect 2 'no address given' "$ullage" inspect
expect 2 'of which recording' "$ullage" inspect --site 3
expect 2 'names the objects' "$ullage" inspect --recording "$work/garbage" ffff888000000000
expect 2 'names the objects' "$ullage" inspect --recording "$work/garbage" --orphans
expect 1 'neither a recording' "$ullage" inspect --recording "$work/garbage"
survivors=$(dirname "$0")/fuzz/corpus/record/survivors-of-a-boot
expect 2 'no site 2 with survivors' "$ullage" inspect --recording "$survivors" --site 2
expect 2 'needs ADDRESS' "$ullage" refs --path
expect 2 'unexpected' "$ullage" orphans ffff888000000000
expect 1 'rules line 1' sh_ 'echo colour=red >"'"$work"'/rules"; "$1" orphans --core '"$work"'/garbage --suppress '"$work"'/rules'
expect 1 'absent' "$ullage" orphans --core "$work/garbage" --suppress "$work/absent"
if [ "$(id -u)" -eq 0 ]; then
	expect 4 'root' as_nobody "$ullage" orphans
	expect 4 'root' as_nobody "$ullage" whatis ffff888000000000
	expect 4 'root' as_nobody "$ullage" refs ffff888000000000
fi

# Usage
expect 2 "unknown command 'frobnicate'" "$ullage" frobnicate
expect 2 'did you mean account' "$ullage" acount
expect 2 'did you mean record' "$ullage" recrod
expect 2 'unknown option --frobnicate' "$ullage" --frobnicate
expect 2 'did you mean --json' "$ullage" account --jsno
expect 2 "'soon' is not a duration" "$ullage" grow --for soon
expect 2 "'-5s' is not a duration" "$ullage" grow --for -5s
expect 2 "is not a duration" "$ullage" grow --for 0
expect 2 'needs a DURATION' "$ullage" grow --for
expect 2 'does not take --cache' "$ullage" account --cache kmalloc-4k
expect 2 "unexpected 'two'" "$ullage" account one two
expect 2 'needs -o FILE' "$ullage" record
expect 2 'top' "$ullage" account -n 0
expect 2 'top' "$ullage" account -n many
expect 2 'is about --pages' "$ullage" account --limit 1s
expect 2 'not a duration' "$ullage" account --pages --limit never
expect 2 'a recording has none' "$ullage" account --pages "$work/garbage"
expect 2 'a recording has none' "$ullage" account --holders "$work/garbage"
expect 2 'not for the recording' "$ullage" grow --for 5s "$work/garbage"

# Help and version
expect 0 '' "$ullage" --help
on_stdout '^ +account '
expect 0 '' "$ullage" --version
on_stdout 'libbpf [0-9]'
expect 0 '' "$ullage" help
for command in account grow record doctor; do
	expect 0 '' "$ullage" "$command" --help
	on_stdout "^Usage: ullage $command"
	on_stdout '^Examples:'
	expect 0 '' "$ullage" help "$command"
done
for command in '' $("$ullage" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do
	"$ullage" help ${command:+"$command"} >"$work/out" 2>"$work/err"
	if awk 'length($0) > 80 { wide = 1 } END { exit NR < 10 || wide }' "$work/out"; then
		passed=$((passed + 1))
	else
		fail "the help of ${command:-all}: a line is longer than 80 columns"
	fi
done

# What a recorded /sys says of an entry
mkdir -p "$work/sys/fs/cgroup"
printf 'nr_descendants 3\nnr_dying_descendants 200\n' >"$work/sys/fs/cgroup/cgroup.stat"
expect 0 '' "$ullage" explain dying-cgroups --sys "$work/sys"
on_stdout 'yes here, 200'
expect 0 '' "$ullage" explain dying-cgroups --sys "$work"
on_stdout 'cannot be read here'

# Files that are not there, or not what they should be
expect 1 'No such file' "$ullage" account "$work/absent.ullage"
expect 1 "$work/garbage" "$ullage" account "$work/garbage"
expect 1 "$work/random" "$ullage" grow "$work/random"
expect 1 "$work/empty" "$ullage" grow "$work/empty"
expect 1 '.' "$ullage" account "$work"
expect 1 '.' "$ullage" account --proc "$work/absent"
expect 1 'meminfo' "$ullage" account --proc "$work"
expect 1 '.' "$ullage" record -o "$work/absent/file.ullage"
expect 2 '.' "$ullage" record -o "$work/garbage" --for 1s
if ! grep -q garbage "$work/garbage"; then
	fail 'record wrote over a file that is no recording'
fi

# Output that cannot be written
expect 1 'standard output' sh_ '"$1" account >&-'
expect 1 'standard output' sh_ '"$1" --help >&-'
expect 1 'standard output.*space' sh_ '"$1" account >/dev/full'
expect 1 'standard output.*space' sh_ '"$1" account --json >/dev/full'
expect 1 'standard output.*space' sh_ '"$1" doctor >/dev/full'
expect 1 '/dev/full.*space' "$ullage" account -o /dev/full
expect 1 'opening' "$ullage" account -o "$work/absent/out"
expect 141 '' bash -c 'set -o pipefail; { sleep 0.5; exec "$1" account; } | true' bash "$ullage"

# Files that can
expect 0 '' "$ullage" account -o "$work/account.txt"
if ! grep -q unaccounted "$work/account.txt"; then
	fail '-o wrote no ledger'
fi
cp "$work/account.txt" "$work/kept.txt"
expect 1 '.' "$ullage" account --proc "$work" -o "$work/kept.txt"
cmp -s "$work/account.txt" "$work/kept.txt" || fail 'a failed run replaced an older file'

# Recording, and reading it back
expect 0 '.' "$ullage" record -o "$work/r.ullage" --for 1s --every 200ms
on_stdout '[2-6] samples'   # a loaded machine leaves some out, and says so
expect 0 '' "$ullage" account "$work/r.ullage"
on_stdout 'unaccounted'
expect 0 '' "$ullage" grow "$work/r.ullage"
on_stdout 'Growth over'
expect 2 '.' "$ullage" record -o "$work/r.ullage" --for 1s

# Pages by their flags; where they may not be read, the ledger is there all the same
expect 0 '' "$ullage" account --pages --limit 1ms
on_stdout 'unaccounted'
on_stdout 'Page by page|pages are not counted by their flags'

# Cgroups that are none
if [ "$(id -u)" -eq 0 ]; then
	expect 2 'there is no cgroup /no/such' "$ullage" trace --cgroup /no/such
	expect 2 '/dev is no cgroup' "$ullage" trace --cgroup /dev
	expect 2 'only --engine bpf' "$ullage" trace --cgroup / --engine ftrace
fi

# Ctrl-C still reports
expect 0 '' timeout --foreground --preserve-status -s INT 2 "$ullage" grow --for 1h --every 100ms
on_stdout 'Growth over'
expect 0 '' timeout --foreground --preserve-status -s HUP 2 "$ullage" grow --for 1h --every 100ms
on_stdout 'Growth over'
expect 0 '' timeout --foreground --preserve-status -s TERM 2 "$ullage" grow -q --for 1h --every 100ms

# Traces that somebody recorded
traces=$(dirname "$0")/golden/traces
expect 0 '' "$ullage" import "$traces/pipes.trace" -o "$work/pipes.ullage"
on_stdout 'alloc_pipe_info'
on_stdout 'hashes of them'
expect 0 '' "$ullage" trace "$work/pipes.ullage"
on_stdout 'alloc_pipe_info'
on_stdout 'hashes of them'
expect 2 'for tracing now' "$ullage" trace --for 3s "$work/pipes.ullage"
expect 1 'no trace' "$ullage" trace "$work/r.ullage"
expect 1 'ullage import' "$ullage" trace "$traces/pipes.trace"
expect 2 'the file to be read' "$ullage" trace -o "$work/pipes.ullage" "$work/pipes.ullage"
expect 1 'no sample of memory' "$ullage" find "$work/pipes.ullage"
expect 1 'no sample of memory' "$ullage" grow "$work/pipes.ullage"
expect 2 'pipes.ullage' "$ullage" import "$traces/pipes.report" -o "$work/pipes.ullage"
# shellcheck disable=SC2016
expect 0 '' sh -c 'cat "$1" | "$0" import --format trace -' "$ullage" "$traces/pipes.perf"
on_stdout 'from perf script'
printf 'PERFILE2' >"$work/perf.data"
# shellcheck disable=SC2016
expect 0 '' sh -c 'cat "$1" | "$0" import -' "$ullage" "$traces/pipes.report"
gzip -c "$traces/pipes.trace" >"$work/pipes.gz"
expect 5 'zcat' "$ullage" import "$work/pipes.gz"
expect 1 'No such file' "$ullage" import "$work/is-not-there"
expect 2 'not seen to be a trace' "$ullage" import "$ullage"
expect 5 'perf script' "$ullage" import "$work/perf.data"
printf 'nothing\n' >"$work/nothing"
expect 1 'no event' "$ullage" import --format trace "$work/nothing"
expect 2 'one at a time' "$ullage" import "$traces/pipes.trace" "$traces/pipes.report"

# Colour
expect 0 '' "$ullage" account --color=always
on_stdout $'\033\\['
expect 0 '' "$ullage" account
if grep -q $'\033' "$work/out"; then
	fail 'colour where there is no terminal'
fi

# Without root: what works says what it lost, what does not says how to. The program is copied:
# the build directory may be closed to others.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$work"
	cp "$ullage" "$work/ullage"
	expect 0 '' as_nobody "$work/ullage" account
	on_stdout 'Not seen'
	expect 0 '' as_nobody "$work/ullage" doctor
	on_stdout 'sudo'
	if "$ullage" help find >/dev/null 2>&1; then
		expect 4 'ullage find needs root: run it with sudo' as_nobody "$work/ullage" find
		expect 4 'needs root' as_nobody "$work/ullage" trace
	fi
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
