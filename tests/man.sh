#!/bin/bash
# tests/man.sh ULLAGE MANDIR: every command has a page, every option it takes is explained there,
# no page explains an option that the command does not take, and EXAMPLES come before OPTIONS.
set -u

ullage=$1
man=$2
failed=0
tab=$(printf '\t')
dump=$("$ullage" --dump-options) || exit 1
commands=$(printf '%s\n' "$dump" | cut -f 1 | sort -u)

for command in $commands; do
	page=$man/ullage-$command.8.scd
	if [ ! -e "$page" ]; then
		echo "no page: ullage-$command.8.scd"
		failed=1
		continue
	fi
	options=$(printf '%s\n' "$dump" | grep "^$command$tab" | cut -f 2)
	documented=$(grep -oE '^\*(-., )?--[a-z-]+' "$page" | grep -oE -- '--[a-z-]+' | sort -u)
	for option in $options; do
		# The options of every command are explained once, in ullage(8).
		if ! printf '%s\n' "$documented" | grep -qxe "$option" &&
			! grep -qE "^\*(-., )?$option" "$man/ullage.8.scd"; then
			echo "ullage-$command(8) does not explain $option"
			failed=1
		fi
	done
	for option in $documented; do
		if ! printf '%s\n' "$options" | grep -qxe "$option"; then
			echo "ullage-$command(8) explains $option, which the command does not take"
			failed=1
		fi
	done
	examples=$(grep -n '^# EXAMPLES' "$page" | cut -d : -f 1)
	first=$(grep -n '^# OPTIONS' "$page" | cut -d : -f 1)
	if [ -z "$examples" ] || [ -z "$first" ] || [ "$examples" -gt "$first" ]; then
		echo "ullage-$command(8): EXAMPLES are missing or behind OPTIONS"
		failed=1
	fi
	grep -q "ullage-$command\*(8)" "$man/ullage.8.scd" || {
		echo "ullage(8) does not name ullage-$command(8)"
		failed=1
	}
done
[ "$failed" -eq 0 ] && echo "the pages say what the program takes"
exit "$failed"
