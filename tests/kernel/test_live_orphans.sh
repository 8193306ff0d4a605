#!/usr/bin/env bash
# What a module has lost is found on the running kernel while the machine is busy, and nothing else is
# called lost. Usage: test_live_orphans.sh SERIES [RUNS]   Last line: "N passed, N failed".
#
# In one boot: a first `ullage orphans` of the idle machine (what boot code dropped itself), then the
# leaks, then RUNS (5) of it, with WAIT (2s) between its looks, beside processes that fork and exec,
# network namespaces, cgroups, files, connections and a web server with clients. Each run must find what
# was lost and report nothing that is held; what it calls lost beyond weak, and the module has not lost and
# the idle machine did not have, is wrong. Both sides by the module's own list of addresses.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/kernel/boot.sh
. "$here/boot.sh"
series=${1:?usage: test_live_orphans.sh SERIES [RUNS]}
runs=${2:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O1 -static -D_GNU_SOURCE -o "$work/churn" "$here/../churn/churn.c"

{
	echo "runs=$runs wait=${WAIT:-2s}"
	cat <<-'EOG'
		insmod /lib/modules/leakstat.ko || exit 90
		ctl=/proc/leakctl
		mount -t cgroup2 none /sys/fs/cgroup && echo '+memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
		sleep 2
		ullage orphans --for 1s --json >/tmp/idle.json || exit 91
		echo "idle $(cat /tmp/idle.json)"
		echo record 30000 >$ctl
		i=0; while [ $i -lt 53 ]; do cat /proc/leakstat >/dev/null; i=$((i + 1)); done
		for command in 'kmalloc 272 1009' 'kmalloc 32 307' 'kmalloc 4096 61' 'kmalloc 65536 11' 'cache 503' \
			'cache_merged 211' 'pages 0 67' 'pages 2 13' 'vmalloc 20480 17' 'percpu 256 53' 'list 1013' \
			'orphan_list 199 1' 'pairs 307' 'cycles 5 41' 'parents 3 59' 'skbs 1500 101' 'hold all 61'; do
			echo "$command" >$ctl || exit 92
		done
		sleep 2
		sed 's/^/truth /' /proc/leakaddr

		# SORT TURNS REST: turns in batches until the file `stop` is there. Behind in the queue: the
		# emulator is slow, and they never end by themselves.
		churn_on() {
			until [ -e /tmp/stop ]; do
				nice -n 15 churn $1 $2 >/dev/null 2>>/tmp/churn.err || { echo "$1 broke" >>/tmp/churn.err; return; }
				echo $1 >>/tmp/batches
				sleep $3
			done
		}
		mkdir /tmp/www
		dd if=/dev/urandom of=/tmp/www/page bs=1k count=64 2>/dev/null
		busybox httpd -p 127.0.0.1:8080 -h /tmp/www
		clients() {
			until [ -e /tmp/stop ]; do
				nice -n 15 wget -q -O /dev/null http://127.0.0.1:8080/page && echo http >>/tmp/batches
				sleep 0.05
			done
		}
		churn_on fork 50 0.1 & pids="$!"
		churn_on exec 50 0.1 & pids="$pids $!"
		churn_on netns 5 0.1 & pids="$pids $!"
		churn_on cgroup 20 0.1 & pids="$pids $!"
		churn_on tcp 200 0.1 & pids="$pids $!"
		churn_on file 200 0.1 & pids="$pids $!"
		clients & pids="$pids $!"
		n=0
		while [ $n -lt $runs ]; do
			n=$((n + 1))
			ullage orphans --for $wait --json >/tmp/run.json || exit 93
			echo "run $(cat /tmp/run.json)"
		done
		: >/tmp/stop
		wait $pids
		sort /tmp/batches | uniq -c | sed 's/^/batches /'
		cat /tmp/churn.err >&2
		exit 0
	EOG
} >"$work/guest.sh"

echo "# booting Linux $series: $runs runs"
if ! boot "$work/out" "$work/err" --kernel "$series" --mem 512M --timeout "${LIMIT:-3000}" \
	--program "$work/churn" --program "$(command -v nice)" -- "$work/guest.sh"; then
	tail -n 40 "$work/err"
	[ -z "${KEEP:-}" ] || cp "$work/out" "$KEEP/live_orphans.$series.out"
	echo "not ok - the guest's script failed"
	echo "0 passed, 1 failed"
	exit 1
fi
sed 's/^/# /' "$work/err" | head -n 20
[ -z "${KEEP:-}" ] || cp "$work/out" "$KEEP/live_orphans.$series.out"

python3 - "$work/out" "$series" "$runs" <<'EOP'
import bisect
import collections
import json
import sys

path, series, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
idle = None
documents = []
truth = collections.defaultdict(list)
batches = {}
for line in open(path):
    word, _, rest = line.partition(' ')
    if word == 'idle':
        idle = json.loads(rest)
    elif word == 'run':
        documents.append(json.loads(rest))
    elif word == 'truth' and rest.strip():
        kind, address, _ = rest.split()[:3]
        truth[kind].append(int(address, 16))
    elif word == 'batches':
        count, sort = rest.split()
        batches[sort] = int(count)

passed = failed = 0


def test(name, holds, why=''):
    global passed, failed
    passed += bool(holds)
    failed += not holds
    print(f'{"ok" if holds else "not ok"} - {series}: {name}' + ('' if holds else f': {why}'))


def members(document):
    """Address -> (group, is strong) of each orphan."""
    found = {}
    for group in document['groups']:
        weak = set(group['weak_members'])
        for member in group['members']:
            found[int(member, 16)] = (group, member not in weak)
    return found


def orphan_at(found, starts, address):
    i = bisect.bisect_right(starts, address) - 1
    if i >= 0 and address - starts[i] < max(1, found[starts[i]][0]['object_size']):
        return starts[i]
    return None


dropped_by_boot = {a for a, (_, strong) in members(idle).items() if strong}
lost_kinds = {k: v for k, v in truth.items() if not k.startswith(('held_', 'weak_', 'kept_', 'percpu'))}
all_lost = sum(len(v) for v in lost_kinds.values())
test('the module lost and holds things', all_lost > 3000 and 'held_list' in truth, dict(batches))
for sort in 'fork', 'exec', 'netns', 'cgroup', 'tcp', 'file', 'http':
    test(f'{sort} ran beside it', batches.get(sort, 0) > 0, batches)
test('all runs ran', len(documents) == runs, len(documents))
ever = collections.Counter()
for number, document in enumerate(documents, 1):
    found = members(document)
    starts = sorted(found)
    known = set()
    missed = collections.Counter()
    for kind, addresses in truth.items():
        for address in addresses:
            at = orphan_at(found, starts, address)
            if at is not None:
                known.add(at)
            if kind in lost_kinds:
                missed[kind] += at is None
                ever[address] += at is not None
    held = [k for k, v in truth.items() if k.startswith(('held_', 'kept_'))
            for a in v if orphan_at(found, starts, a) is not None]
    strong = [k for k, v in truth.items() if k.startswith('weak_') and k != 'weak_past_end'
              for a in v if (at := orphan_at(found, starts, a)) is not None and found[at][1]]
    percpu = sum(s for g, s in found.values() if g['cache'] == 'percpu')
    others = [(a, g['cache'], g['object_size'], g['role'], g['type']) for a, (g, s) in found.items()
              if s and a not in known and a not in dropped_by_boot and g['cache'] != 'percpu']
    missing = sum(missed.values())
    scan = document['scan']
    print(f'# run {number}: {all_lost - missing} of {all_lost} found, {percpu} of {len(truth["percpu"])} percpu, '
          f'{len(held)} held reported, {len(others)} others, {document["objects"]["allocated"]} objects, '
          f'{scan["bytes"] >> 20} MiB in {scan["seconds"]:.2f} s; missed ' +
          ', '.join(f'{k} {n}' for k, n in missed.items() if n))
    print('#   ' + '; '.join(f'{l["what"]}: {l["count"]}' for l in document['loss'] if l['count']))
    test(f'run {number}: what was lost is found', missing * 100 <= all_lost, dict(missed))
    test(f'run {number}: what is held is not', not held, collections.Counter(held))
    test(f'run {number}: weak ones are weak', not strong, collections.Counter(strong))
    test(f'run {number}: nothing else is beyond weak', not others, others[:8])
    test(f'run {number}: percpu areas', percpu <= len(truth['percpu']), percpu)
never = [k for k, v in lost_kinds.items() for a in v if not ever[a]]
test('whatever was lost is found by some run', len(never) * 200 <= all_lost, collections.Counter(never))
print(f'# dropped by boot code: ' + ', '.join(
    f'{a:#x} {members(idle)[a][0]["cache"]} {members(idle)[a][0]["type"] or ""}' for a in sorted(dropped_by_boot)))
print(f'{passed} passed, {failed} failed')
sys.exit(failed > 0)
EOP
