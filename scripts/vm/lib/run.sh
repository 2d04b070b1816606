# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# vm run: build, boot, test, verdict, for each lane.

LANE_PID='' # while a lane runs

vm_run() {
	local lane codes=() code totals

	match_lanes "${WORDS[@]:-stock}"
	totals=$(mktemp "${TMPDIR:-/tmp}/vfiolab.XXXXXX")
	defer remove_tree "$totals"
	defer stop_process LANE_PID
	for lane in "${LANES[@]}"; do
		run_lane "$lane" "$totals" &
		LANE_PID=$!
		code=0
		wait "$LANE_PID" || code=$?
		LANE_PID=''
		codes+=("$code")
	done
	[[ ! $OPT_REPORT ]] || write_report
	awk '{ p += $1; f += $2; s += $3 }
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$totals"
	finish "$(worst_code "${codes[@]}")"
}

# One page of all these lanes.
write_report() {
	"$VM_DIR/report" "$OUT" "${LANES[@]}" >"$OUT/report.html" ||
		die_full "$OUT" "cannot write $OUT/report.html"
	say "report: ${OUT#"$PWD"/}/report.html"
}

# What must be looked at first comes first; skipped only if nothing ran.
worst_code() { # CODE...
	local code

	for code in "$EXIT_USAGE" "$EXIT_LOST" "$EXIT_TIMEOUT" "$EXIT_FAIL" "$EXIT_PASS"; do
		[[ " $* " != *" $code "* ]] || break
		code=$EXIT_SKIP
	done
	echo "$code"
}

# In a process of its own, so that an error ends this lane and not the next.
run_lane() { # NAME TOTALS
	local dir=$OUT/$1 code

	own_ending
	PASSED=0 FAILED=1 SKIPPED=0 # until there are results: a lane that ends early failed
	export SAY_PREFIX="$1: "
	defer add_totals "$2"
	take_lock "$OUT/.$1.lock" "lane $1 in $OUT"
	remove_tree "$dir"
	make_dir "$dir"
	prepare_guest "$1"
	OPT_TIMEOUT=${OPT_TIMEOUT:-$((900 * $(patience)))}
	say "kernel $KERNEL: $KERNEL_RELEASE"
	build_for_guest "$dir"
	run_suite "$dir"
	count_results "$dir"
	code=0
	judge_suite "$dir" || code=$?
	write_summary "$dir" "$code"
	report "$dir" "$code"
	finish "$code"
}

# How many times longer than others the tests of this lane may take: the last word
# counts, as in the guest.
patience() {
	local given=${VLAB_PATIENCE:+VLAB_PATIENCE=$VLAB_PATIENCE}

	[[ " VLAB_PATIENCE=1 $APPEND $OPT_APPEND $given " =~ .*\ VLAB_PATIENCE=([0-9]+)\  ]]
	echo "${BASH_REMATCH[1]}"
}

add_totals() { # FILE
	echo "$PASSED $FAILED $SKIPPED" >>"$1"
}

# Our modules and our suite, for the kernel at hand, copied into RUN: another run
# may build them anew while the guest reads them.
build_for_guest() { # RUN
	local build=$OUT/build/$KERNEL_RELEASE ksrc

	need_packages gcc make libc6-dev libelf-dev bc pciutils
	[[ $KERNEL_BUILD ]] ||
		die "nothing to build modules for $KERNEL_RELEASE against: no" \
			"lib/modules/$KERNEL_RELEASE/build; install its headers or give its" \
			"build directory"
	ksrc=$("$VM_DIR/ksrc" 6.12) || finish "$EXIT_USAGE"
	with_lock "$OUT/.build-$KERNEL_RELEASE.lock" "modules for $KERNEL_RELEASE" \
		make_and_copy modules "$build" "$1/modules" "KDIR=$KERNEL_BUILD"
	with_lock "$OUT/.selftests.lock" selftests \
		make_and_copy selftests "$OUT/selftests" "$1/selftests" "KSRC=$ksrc"
	fetch_test_packages "$1/selftests"
	[[ $TESTS != upstream* ]] || add_upstream "$1/selftests/upstream"
}

# Programs that tests name in a line "# packages: NAME...", for them to unpack in the
# guest: nothing is installed here for their sake. A test skips what it cannot get.
fetch_test_packages() { # SUITE
	local file name packages=()

	for file in "$1"/*_test.sh; do
		name=${file##*/}
		[[ -f $file ]] || continue
		# shellcheck disable=SC2053 # a glob is meant
		[[ $name == $TESTS || ${name%.sh} == $TESTS || ${name%_test.sh} == $TESTS ]] || continue
		mapfile -t -O ${#packages[@]} packages < <(
			sed -n 's/^# packages: //p' "$file" | tr ' ' '\n'
		)
	done
	((${#packages[@]})) || return 0
	! use_packages "${packages[@]}" || export VLAB_PACKAGES=$PACKAGES_DIR
}

# The kernel's own VFIO selftests.
add_upstream() { # DIR
	local ksrc

	need_packages uuid-dev
	ksrc=$("$VM_DIR/ksrc" 7.2) || finish "$EXIT_USAGE"
	with_lock "$OUT/.build-upstream.lock" "the VFIO selftests" \
		make_and_copy upstream "$OUT/build/upstream" "$1" "UPSTREAM=$ksrc"
}

make_and_copy() { # TARGET FROM TO VARIABLE
	stage "$1"
	make_dir "$2"
	make_dir "$3"
	make -C "$TOP" -j"$(nproc)" "$1" OUT="$2" "$4" >"$2.log" 2>&1 </dev/null || {
		tail -n 20 "$2.log" | sed 's/^/    /' >&2
		die_full "$2" "make $1 failed, see $2.log"
	}
	find "$2" -mindepth 1 -maxdepth 1 ! -name obj ! -name '.*' -exec cp -a -t "$3" {} + ||
		die_full "$3" "cannot copy $2"
	stage_done built
}

run_suite() { # RUN
	local command=("$1/selftests/run.sh" --modules "$1/modules")

	OUT_FILE=results.ktap
	[[ $TESTS == '*' ]] || command+=("$TESTS")
	fill_run_dir "$1" "${command[@]}"
	build_argv "$1"
	stage "boot ($ACCEL)"
	start_guest "$1"
	wait_guest "$1" suite_starts
}

suite_starts() {
	stage_done up
	stage tests
}

# One line a test case: result, tab, name, tab, detail.
count_results() { # RUN
	awk -f "$VM_DIR/lib/ktap.awk" "$1/results.ktap" >"$1/results.tsv"
	PASSED=$(grep -c ^pass "$1/results.tsv") || :
	FAILED=$(grep -c ^fail "$1/results.tsv") || :
	SKIPPED=$(grep -c ^skip "$1/results.tsv") || :
	[[ ! $BOOT_SECONDS ]] || stage_done "$PASSED passed, $FAILED failed, $SKIPPED skipped"
}

# The suite's own verdict, unless what it printed or the kernel says otherwise.
judge_suite() { # RUN
	local code=$GUEST_CODE

	if [[ $GUEST_END != verdict ]]; then
		FAILED=$((FAILED + 1))
		[[ ! -s $1/results.ktap ]] || say "last output: $(tail -n1 "$1/results.ktap")"
		explain_end "$1"
		return
	fi
	case $code in
	"$EXIT_PASS" | "$EXIT_FAIL" | "$EXIT_SKIP")
		((FAILED == 0)) || code=$EXIT_FAIL
		((code != EXIT_FAIL || FAILED > 0)) || suite_failure "the suite failed, but no test of it"
		((PASSED + FAILED + SKIPPED > 0)) || broken_suite "$1" "the suite ran no test"
		[[ ! $GUEST_SPLAT ]] || suite_failure "kernel: $GUEST_SPLAT"
		;;
	*) broken_suite "$1" "run.sh ended with code $code" ;;
	esac
	return "$code"
}

# code: of the caller.
suite_failure() { # WHY
	say "$1"
	FAILED=$((FAILED + 1))
	code=$EXIT_FAIL
}

broken_suite() { # RUN WHY
	say "error: $2"
	tail -n 10 "$1/stderr" | sed 's/^/    /' >&2
	FAILED=$((FAILED + 1))
	code=$EXIT_USAGE
}

verdict_name() { # CODE
	case $1 in
	"$EXIT_PASS") echo pass ;;
	"$EXIT_FAIL") echo fail ;;
	"$EXIT_SKIP") echo skip ;;
	"$EXIT_LOST") echo lost ;;
	"$EXIT_TIMEOUT") echo timeout ;;
	*) echo error ;;
	esac
}

report() { # RUN CODE
	awk -F '\t' '$1 == "fail" { print "    not ok " $2 ($3 ? ": " $3 : "") }' \
		"$1/results.tsv" >&2
	say "$(verdict_name "$2"), see ${1#"$PWD"/}"
}

# ---- summary.json ----

write_summary() { # RUN CODE
	{
		printf '{\n\t"lane": %s,\n' "$(json_string "$LANE")"
		printf '\t"kernel": %s,\n' "$(json_string "$KERNEL_RELEASE")"
		printf '\t"accel": "%s",\n' "$ACCEL"
		printf '\t"qemu": %s,\n' "$(json_string "$(qemu_version)")"
		printf '\t"verdict": "%s",\n\t"code": %d,\n' "$(verdict_name "$2")" "$2"
		printf '\t"passed": %d,\n\t"failed": %d,\n\t"skipped": %d,\n' \
			"$PASSED" "$FAILED" "$SKIPPED"
		printf '\t"seconds": %s,\n\t"boot_seconds": %s,\n' \
			"$GUEST_SECONDS" "${BOOT_SECONDS:-null}"
		printf '\t"kernel_complaint": %s,\n' "$(json_string "$GUEST_SPLAT")"
		printf '\t"argv": [%s],\n' "$(json_list "${ARGV[@]}")"
		printf '\t"tests": [%s\n\t]\n}\n' "$(json_tests <"$1/results.tsv")"
	} >"$1/summary.json" || die_full "$1" "cannot write $1/summary.json"
	awk -f "$VM_DIR/lib/junit.awk" -v "lane=$LANE" -v "seconds=$GUEST_SECONDS" \
		-v "verdict=$(verdict_name "$2")" "$1/results.tsv" >"$1/junit.xml" ||
		die_full "$1" "cannot write $1/junit.xml"
}

qemu_version() {
	if [[ ${VM_QEMU:-} ]]; then
		echo "$VM_QEMU"
	else
		"$QEMU" --version | awk 'NR == 1'
	fi
}

json_string() { # TEXT
	local text=$1

	text=${text//\\/\\\\}
	text=${text//\"/\\\"}
	printf '"%s"' "${text//[[:cntrl:]]/ }"
}

json_list() { # TEXT...
	local text sep=''

	for text in "$@"; do
		printf '%s%s' "$sep" "$(json_string "$text")"
		sep=', '
	done
}

json_tests() {
	awk -F '\t' '
		function string(text) {
			gsub(/[\\"]/, "\\\\&", text)
			gsub(/[[:cntrl:]]/, " ", text)
			return "\"" text "\""
		}
		{
			printf "%s\n\t\t{\"result\": %s, \"name\": %s, \"detail\": %s}",
				(NR > 1 ? "," : ""), string($1), string($2), string($3)
		}'
}
