#!/usr/bin/env bash
# What a module has lost is found in a dump, what it holds is not. Usage: test_orphans.sh [SERIES]
# (default 6.1), or DUMPS=DIRECTORY test_orphans.sh NAME for a dump that dump.sh made before. Last line:
# "N passed, N failed". ULLAGE_BINARY names the program.
#
# Both sides: of each kind that is lost all objects are reported but for a few that something stale in
# live memory keeps; of each kind that is held none; of the weak ones none is strong (past_end: see
# docs/method/images.md). Beside them only what the lost objects themselves keep, and at most 5 in 100,000.
# What was lost in a memory cgroup is charged to it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
series=${1:-6.1}
ullage=${ULLAGE_BINARY:-$here/../../build/ullage}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "${DUMPS:-}" ]; then
	directory=$DUMPS
else
	directory=$work
	"$here/dump.sh" "$series" "$work"
fi

"$ullage" orphans --core "$directory/$series.elf" --json >"$work/orphans.json"
charged=$directory/$series.charged
if [ -n "${DUMPS:-}" ] && [ ! -e "$charged" ]; then
	echo "# an older dump: nothing was lost in a cgroup"
	charged=/dev/null
fi
python3 - "$work/orphans.json" "$directory/$series.truth" "$charged" <<'EOP'
import bisect
import collections
import json
import sys

document = json.load(open(sys.argv[1]))
truth = [line.split()[:3] for line in open(sys.argv[2]) if line.strip()]
groups = document['groups']
members = {int(m, 16): g for g in groups for m in g['members']}
weak = {int(m, 16) for g in groups for m in g['weak_members']}
starts = sorted(members)
passed = failed = 0


def test(name, holds, why):
    global passed, failed
    holds = bool(holds)
    passed += holds
    failed += not holds
    if not holds:
        print(f'FAILED: {name}: {why}')


def orphan_at(address):
    """Address of the reported object that holds the address; None."""
    i = bisect.bisect_right(starts, address) - 1
    if i >= 0 and address - starts[i] < max(1, members[starts[i]]['object_size']):
        return starts[i]
    return None


kinds = collections.defaultdict(list)
for kind, address, _ in truth:
    kinds[kind].append(orphan_at(int(address, 16)))
known = {a for found in kinds.values() for a in found if a is not None}

lost = found = 0
for kind, objects in sorted(kinds.items()):
    reported = [a for a in objects if a is not None]
    if kind == 'percpu':  # the module knows addresses, the image pointers: counted
        count = sum(g['orphans'] for g in groups if g['cache'] == 'percpu')
        test(kind, len(objects) - 2 <= count <= len(objects), f'{count} of {len(objects)}')
    elif kind == 'lost_fragment':  # parts of page blocks, of which the last is still in use
        test(kind, reported, 'none')
    elif kind == 'weak_past_end':  # of equal slots without a gap: the next object is meant
        pass
    elif kind.startswith('weak_'):
        strong = [a for a in reported if a not in weak]
        test(kind, not strong, f'{len(strong)} of {len(objects)} are strong')
    elif kind.startswith(('held_', 'kept_')):
        test(kind, not reported, f'{len(reported)} of {len(objects)} are reported')
    else:
        lost += len(objects)
        found += len(reported)
        test(kind, len(reported) >= 0.65 * len(objects), f'{len(reported)} of {len(objects)}')
test('all that was lost', found >= 0.995 * lost, f'{found} of {lost}')

# The cgroup of what was lost in one: of all in the group, for nothing else is in it. Of the files' buffers
# too, where the kernel charges them (kmalloc-cg-*, since v5.14).
for kind, cgroup in (line.split() for line in open(sys.argv[3])):
    theirs = {id(members[a]): members[a] for a in kinds[kind] if a is not None}.values()
    theirs = list(theirs) + [g for g in groups if g['cache'] == 'kmalloc-cg-4k' and g['hangs_from']
                             and any(groups[i] in theirs for i in g['hangs_from'])]
    told = [(g['cache'], g['orphans'], g['charged_to']) for g in theirs]
    test(f'{kind} is charged to {cgroup}',
         told and all(c and c['cgroup'] == cgroup and c['share'] > 0.9 and not c['removed'] and
                      not c['inherited'] for _, _, c in told), told)

# What is neither: kept by lost objects (of a task its signals, of a socket its buffers), or wrong.
others = [a for a in members if a not in known and members[a]['cache'] != 'percpu']
direct = [a for a in others if members[a]['role'] == 'direct' and a not in weak]
allocated = document['objects']['allocated']
test('nothing else', len(direct) * 100000 <= 5 * allocated + 100000,
     f'{len(direct)} of {allocated}: ' + ', '.join(f'{a:#x} {members[a]["cache"]}' for a in direct[:9]))
test('the books', document['objects']['reachable'] + document['objects']['orphans'] == allocated, 'differ')
print(f'{found} of {lost} lost objects found, {len(direct)} others')
print(f'{passed} passed, {failed} failed')
sys.exit(failed > 0)
EOP
