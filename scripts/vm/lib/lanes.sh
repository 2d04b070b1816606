# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# Lanes, and the options that change what a lane says.

LANES_FILE=$VM_DIR/lanes
GUEST_DIR=/run/vfiolab # in a guest: what belongs to the harness

LANES=() # result of match_lanes

# What describes a guest: result of use_lane.
LANE='' KERNEL='' LANE_KERNEL='' QEMU='' IOMMU='' DEPTH='' TESTS='' APPEND='' MEMORY='' CPUS='' ACCEL=''

# As given on the command line; empty where the lane decides.
OPT_LANE='' OPT_KERNEL='' OPT_IOMMU='' OPT_TESTS='' OPT_MEM='' OPT_CPUS=''
OPT_SHELL='' OPT_TIMEOUT='' OPT_APPEND='' OPT_REBOOT='' OPT_REPORT='' OPT_QMP=''
OPT_DEVICES=()

WORDS=()   # result of parse_options: arguments that are no options
COMMAND=() # and what follows --

lane_lines() {
	grep -Ev '^[[:space:]]*(#|$)' "$LANES_FILE"
}

lane_names() {
	lane_lines | awk '{ print $1 }'
}

in_guest() {
	[[ -e $GUEST_DIR/host/kernel ]]
}

# Sets LANES to those that the words name: by name, by glob, or all.
match_lanes() { # WORD...
	local word name found

	LANES=()
	for word in "$@"; do
		[[ $word != all ]] || word='*'
		found=''
		while read -r name; do
			# shellcheck disable=SC2053 # a glob is meant
			[[ $name == $word ]] || continue
			found=y
			[[ " ${LANES[*]} " == *" $name "* ]] || LANES+=("$name")
		done < <(lane_names)
		[[ $found ]] || no_lane "$word"
	done
}

no_lane() { # NAME
	die "no lane '$1'; there are: $(lane_names | paste -sd' ')"
}

# Sets all that describes a guest: the lane's line, changed by options.
use_lane() { # NAME
	if in_guest; then
		LANE=${OPT_LANE:-$VLAB_LANE} KERNEL=running QEMU=${VLAB_QEMU:-system} IOMMU=none DEPTH=1
		MEMORY=1G CPUS=1
	else
		read_lane "$1"
		MEMORY=4G CPUS=2
	fi
	LANE_KERNEL=$KERNEL
	KERNEL=${OPT_KERNEL:-$KERNEL}
	IOMMU=${OPT_IOMMU:-$IOMMU}
	TESTS=${OPT_TESTS:-$TESTS}
	MEMORY=${OPT_MEM:-$MEMORY}
	CPUS=${OPT_CPUS:-$CPUS}
	[[ $QEMU != system ]] || QEMU=qemu-system-x86_64
	QEMU=${VM_QEMU:-$QEMU}
	ACCEL=$(accelerator)
}

read_lane() { # NAME
	LANE=''
	while read -r LANE KERNEL QEMU IOMMU DEPTH TESTS APPEND; do
		[[ $LANE != "$1" ]] || break
	done < <(lane_lines)
	[[ $LANE == "$1" ]] || no_lane "$1"
	[[ $TESTS && $IOMMU =~ ^(intel|amd|none)$ && $DEPTH =~ ^[12]$ ]] ||
		die "$LANES_FILE: lane $1: expected NAME KERNEL QEMU intel|amd|none 1|2 TESTS"
}

# Sets OPT_*, WORDS and COMMAND.
parse_options() { # ARG...
	while (($#)); do
		case $1 in
		--)
			COMMAND=("${@:2}")
			return
			;;
		--allow-reboot)
			OPT_REBOOT=y
			shift
			;;
		--report)
			OPT_REPORT=y
			shift
			;;
		--?*)
			(($# > 1)) || die "$1 needs a value"
			parse_option "$1" "$2"
			shift 2
			;;
		-*) die "no option '$1'; see vm help" ;;
		*)
			WORDS+=("$1")
			shift
			;;
		esac
	done
}

parse_option() { # NAME VALUE
	case $1 in
	--lane) OPT_LANE=$2 ;;
	--kernel) OPT_KERNEL=$2 ;;
	--tests) OPT_TESTS=$2 ;;
	--append) OPT_APPEND=$2 ;;
	--device) OPT_DEVICES+=(-device "$2") ;;
	--qmp) check_fifos "$@" && OPT_QMP=$2 ;;
	--iommu) check_value "$@" '^(intel|amd|none)$' 'intel, amd or none' && OPT_IOMMU=$2 ;;
	--timeout) check_value "$@" '^[1-9][0-9]*$' 'seconds' && OPT_TIMEOUT=$2 ;;
	--mem) check_value "$@" '^[1-9][0-9]*[MG]$' 'a size such as 512M or 4G' && OPT_MEM=$2 ;;
	--cpus) check_value "$@" '^[1-9][0-9]*$' 'a number' && OPT_CPUS=$2 ;;
	*) die "no option '$1'; see vm help" ;;
	esac
}

check_value() { # OPTION VALUE REGEX MEANING
	[[ $2 =~ $3 ]] || die "$1 '$2': expected $4"
}

check_fifos() { # OPTION PATH
	[[ -p $2.in && -p $2.out ]] || die "$1 '$2': expected FIFOs $2.in and $2.out"
}
