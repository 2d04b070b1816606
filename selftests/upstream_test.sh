#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's own VFIO selftests (tools/testing/selftests/vfio), unmodified, on
# our cards: programs that take any device on a serial card bound to stock
# vfio-pci, the one that wants a DMA engine on an I/OAT card. Prints one TAP
# stream: their results, numbered anew; what else they print is a comment.
#
# The programs are in upstream/ beside this file: make upstream. They want
# iommufd with character devices, and a huge page of each size.
set -euo pipefail
shopt -s nullglob

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"

PROGRAMS=$DIR/upstream
HUGE=/sys/kernel/mm/hugepages/hugepages
PREFIX=upstream$$

number=0 failed=0

check_machine() {
	[[ -x $PROGRAMS/vfio_pci_driver_test ]] || skip_all "no programs in upstream/: see make upstream"
	((EUID == 0)) || skip_all "needs root"
	[[ ! ${VLAB_BDF:-} ]] || skip_all "plugs in its own cards, and VLAB_BDF is set"
	[[ -e /dev/iommu ]] || modprobe -q iommufd || :
	[[ -e /dev/iommu ]] || skip_all "no /dev/iommu: the kernel has no CONFIG_IOMMUFD"
	reserve 2048kB 1 2M
	reserve 1048576kB 1 1G
}

# SIZE PAGES NAME: as many huge pages free.
reserve() {
	local dir=$HUGE-$1

	[[ -d $dir ]] || skip_all "no huge pages of $3"
	(($(<"$dir/free_hugepages") >= $2)) || echo "$2" >"$dir/nr_hugepages"
	(($(<"$dir/free_hugepages") >= $2)) ||
		skip "no free huge page of $3: boot with hugepagesz=$3 hugepages=$2"
}

# NAME [NAME=VALUE...]: plugs a card in, prints its address.
plug() {
	"$DIR/card.sh" up name="$PREFIX-$1" "${@:2}" | awk '{ print $1; exit }'
}

unplug() {
	"$DIR/card.sh" down "$PREFIX-serial" "$PREFIX-ioat" >&2 || :
}

# LINE: a result line of a program, with our number.
result() {
	local word=ok

	[[ $1 == ok* ]] || {
		word="not ok"
		failed=$((failed + 1))
	}
	number=$((number + 1))
	echo "$word $number ${1#*ok }"
}

# LINE: a result of a case that the program said it begins
traced_result() {
	local name=${1#*ok }

	trace_end "${name%% *}"
	result "$1"
}

execute() {
	local rc=0

	VFIO_SELFTESTS_BDF=$2 "$PROGRAMS/$1" </dev/null 2>&1 || rc=$?
	echo "exit $rc"
}

# PROGRAM BDF: a program that ends early has a result of its own.
run() {
	local line plan=0 before=$number begun=0 start=$EPOCHREALTIME

	echo "# $1 on $2"
	while IFS= read -r line; do
		case $line in
		"1..0 # SKIP"*) result "ok $1 # SKIP${line#*SKIP}" ;;
		"1.."*) plan=${line#1..} ;;
		"ok "* | "not ok "*) traced_result "${line/ok +([0-9]) /ok }" ;;
		"exit "*) judge "$1" "${line#exit }" $((number - before)) "$plan" ;;
		"#  RUN "*) trace_begin ;;&
		*) echo "# $line" ;;
		esac
	done < <(execute "$1" "$2")
}

# PROGRAM RC RESULTS PLAN
judge() {
	if (($3 < $4)) || [[ $2 != [014] ]]; then
		result "not ok $1 # exit=$2 after $3 of $4 results"
	elif (($3 == 0)) && [[ $2 == 4 ]]; then
		result "ok $1 # SKIP"
	fi
}

run_all() {
	local program serial ioat

	serial=$(plug serial driver=vfio-pci)
	ioat=$(plug ioat model=ioat)
	echo "TAP version 13"
	for program in "$PROGRAMS"/*_test; do
		program=$(basename "$program")
		if [[ $program == vfio_pci_driver_test ]]; then
			run "$program" "$ioat"
		else
			run "$program" "$serial"
		fi
	done
	echo "1..$number"
}

shopt -s extglob
check_machine
trap unplug EXIT
run_all
((!failed)) || exit 1
