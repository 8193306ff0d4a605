#!/bin/bash
# tests/top.sh ULLAGE: look at `ullage top` as a user does, in terminals of several kinds and sizes
# (tmux), press its keys and read the screen.
set -u

ullage=$1
command -v tmux >/dev/null || { echo "no tmux"; exit 77; }
work=$(mktemp -d)
socket=$work/tmux
passed=0
failed=0
export LC_ALL=C.UTF-8
unset TMUX

tm() {
	tmux -S "$socket" -u -f /dev/null "$@"
}

cleanup() {
	tm kill-server 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

screen() {
	tm capture-pane -p -t t >"$work/screen"
}

# until_shows NAME PATTERN [SECONDS]: the screen comes to match the extended regular expression.
until_shows() {
	local tries=$((${3:-15} * 10))
	while [ "$tries" -gt 0 ]; do
		screen
		if grep -qE -- "$2" "$work/screen"; then
			passed=$((passed + 1))
			return
		fi
		sleep 0.1
		tries=$((tries - 1))
	done
	failed=$((failed + 1))
	echo "FAILED: $1: no /$2/ on the screen:"
	sed 's/^/  |/' "$work/screen"
}

# shows_not NAME PATTERN
shows_not() {
	screen
	if grep -qE -- "$2" "$work/screen"; then
		failed=$((failed + 1))
		echo "FAILED: $1: /$2/ is on the screen:"
		sed 's/^/  |/' "$work/screen"
	else
		passed=$((passed + 1))
	fi
}

# start COLUMNS ROWS COMMAND: in a new terminal; afterwards it says how it ended.
start() {
	tm kill-server 2>/dev/null
	cat >"$work/run" <<-END
		$3
		echo "ended with \$?"
		stty -a | grep -o ' -\\?echo '
		exec sleep 1000
	END
	# The old server may still be on its way out, and takes a new session with it.
	local tries=20
	until tm new-session -d -s t -x "$1" -y "$2" "bash $work/run" 2>/dev/null; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.2
	done
}

keys() {
	tm send-keys -t t "$@"
}

# width NAME COLUMNS: no line is longer.
width() {
	screen
	if [ "$(wc -L <"$work/screen")" -le "$2" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1: wider than $2 columns"
	fi
}

# Without a terminal
if "$ullage" top </dev/null >"$work/out" 2>"$work/err"; then
	failed=$((failed + 1))
	echo 'FAILED: top without a terminal succeeds'
fi
grep -q 'needs a terminal' "$work/err" && passed=$((passed + 1)) || failed=$((failed + 1))
COLUMNS=80 LINES=24 "$ullage" top --batch 2 -d 200ms >"$work/out" || failed=$((failed + 1))
if [ "$(grep -c 'U unaccounted' "$work/out")" -eq 2 ] && [ "$(wc -l <"$work/out")" -eq 49 ] &&
	[ "$(wc -L <"$work/out")" -le 80 ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo 'FAILED: --batch 2:'
	cat "$work/out"
fi
if command -v jq >/dev/null; then
	"$ullage" top --json --batch 3 -d 200ms >"$work/json" || failed=$((failed + 1))
	if jq -e '.schema == "ullage/top/1" and .kernel.release and .loss and .samples == 3 and
		([.accounts[].bytes] | add) > 0' "$work/json" >/dev/null; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo 'FAILED: --json'
	fi
fi

# 80x24: the overview, tabs, drill down, filter, sort, pause, baseline
start 80 24 "'$ullage' top -d 300ms"
until_shows 'overview' '^.(slab caches|page cache) '
until_shows 'header' 'U unaccounted'
until_shows 'keys' '^F1 Help'
width '80 columns' 80
keys 2
until_shows 'tab 2' '\[2 Slab\]'
until_shows 'caches' 'kmalloc-'
keys F4 dentry Enter
until_shows 'filter' 'filter dentry'
shows_not 'filter' '^.kmalloc-'
keys Enter
until_shows 'page of a cache' 'Next: sudo ullage trace'
keys Escape
until_shows 'back' 'CACHE +BYTES'
keys Escape
until_shows 'filter removed' 'kmalloc-'
keys c
until_shows 'sorted by bytes' 'by bytes'
keys c
until_shows 'reversed' 'by bytes, reversed'
keys F6
until_shows 'menu' 'object size'
keys Down Enter
until_shows 'menu taken' 'by change'
keys p
until_shows 'paused' 'PAUSED'
keys '['
until_shows 'in the past' 'PAUSED .* ago'
keys p
until_shows 'on again' 'live'
keys b
until_shows 'baseline' 'baseline set'
keys Space
until_shows 'tagged' '1 tagged'
keys U 4
until_shows 'processes' 'PID COMMAND'
keys 5
until_shows 'events' 'Events, newest first'
keys '?'
until_shows 'help' 'any key closes'
keys 1
until_shows 'help closed' 'Events, newest first'
keys 1
until_shows 'overview' 'ACCOUNT'

# Other sizes, while it runs
tm resize-window -t t -x 60 -y 15
until_shows '60x15' 'VERDICT'
width '60 columns' 60
tm resize-window -t t -x 200 -y 50
until_shows '200x50' 'CLASS'
tm resize-window -t t -x 30 -y 8
until_shows 'too small' 'too small'
tm resize-window -t t -x 80 -y 24
until_shows '80x24 again' 'ACCOUNT'
keys q
until_shows 'quit' 'ended with 0'
until_shows 'terminal restored by q' '^ echo'

# Signals restore it, too
for signal in TERM INT HUP QUIT; do
	start 80 24 "bash -c 'echo \$\$ >$work/pid; exec \"$ullage\" top'"
	until_shows "before $signal" 'ACCOUNT'
	kill "-$signal" "$(cat "$work/pid")"
	until_shows "$signal ends it" 'ended with 0'
	until_shows "terminal restored after $signal" '^ echo'
done

# Monochrome, serial, console without UTF-8
start 80 24 "TERM=vt100 '$ullage' top -d 300ms"
until_shows 'vt100' '^>'
shows_not 'vt100 is ASCII' '[▁▂▃▄▅▆▇█±]'
start 80 24 "TERM=linux LC_ALL=C '$ullage' top -d 300ms"
until_shows 'linux console' '^>'
shows_not 'linux console is ASCII' '[▁▂▃▄▅▆▇█±]'
start 80 24 "TERM=no-such-terminal '$ullage' top"
until_shows 'unknown terminal' "type 'no-such-terminal' is not known"
start 80 24 "TERM=dumb '$ullage' top"
until_shows 'dumb terminal' 'cannot place the cursor'

# A recording, of three samples at least: a loaded machine leaves some out
for seconds in 3 10 30; do
	rm -f "$work/r.ullage"
	"$ullage" record -o "$work/r.ullage" --for "${seconds}s" --every 200ms >"$work/recorded" 2>/dev/null || failed=$((failed + 1))
	if grep -qE '^([3-9]|[0-9]{2,}) samples in ' "$work/recorded"; then break; fi
done
start 80 24 "'$ullage' top $work/r.ullage"
until_shows 'recording' 'r.ullage, sample [0-9]+ of [0-9]+'
keys Home
until_shows 'its begin' 'sample 1 of'
keys ']' ']'
until_shows 'forward' 'sample 3 of'
keys End
until_shows 'its end' 'sample ([0-9]+) of \1( |$)'
keys q
until_shows 'quit' 'ended with 0'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
