# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# vm run: verdicts, what it leaves in out/, what it says.

# shellcheck source=vm_lib.sh
. "$TESTS/vm_lib.sh"

run_guest() { # FAKE_GUEST [ARGUMENT...]
	FAKE_GUEST=$1 vm run "${@:2}" one
}

# FIELD VALUE, as it is in the file
expect_summary() {
	expect_file "$T/top/out/one/summary.json" "\"$1\": $2,?\$"
}

test_run_of_a_suite_that_passes() {
	project
	run_guest pass
	expect_rc 0
	expect_total 2 0 1
	expect_file "$T/top/out/one/results.ktap" '^ok 1 some_test$'
	expect_file "$T/top/out/one/console.log" 'Linux version'
	expect_summary verdict '"pass"'
	expect_summary passed 2
	expect_summary kernel "\"$RELEASE\""
	expect_nothing_left
}

test_run_of_a_suite_that_fails_names_the_case() {
	project
	run_guest fail
	expect_rc 1
	expect_total 1 1 1
	expect_err 'not ok some_test/second.case'
	expect_summary verdict '"fail"'
}

test_run_of_a_suite_that_skips() {
	project
	run_guest skip
	expect_rc 4
	expect_summary verdict '"skip"'
}

test_run_without_a_verdict_is_lost_whatever_passed() {
	project
	run_guest lost-midway
	expect_rc 5
	expect_total 2 1 1
	expect_summary verdict '"lost"'
	expect_err 'Linux version 0.0-fake'
	expect_nothing_left
}

test_run_that_panics_is_lost_and_shows_the_splat() {
	project
	run_guest panic
	expect_rc 5
	expect_err 'kernel: .*BUG: kernel NULL pointer'
	expect_summary kernel_complaint '".*BUG: kernel NULL pointer.*"'
}

test_run_with_a_splat_fails_though_the_suite_passed() {
	project
	run_guest splat-after-verdict
	expect_rc 1
	expect_total 2 1 1
	expect_err 'BUG: kernel NULL pointer'
}

test_run_that_hangs_is_a_timeout() {
	project
	run_guest hang --timeout 1
	expect_rc 124
	expect_total 0 1 0
	expect_summary verdict '"timeout"'
	expect_nothing_left
}

test_run_with_results_missing_fails() {
	project
	run_guest cut-short
	expect_rc 1
	expect_err 'gave no result'
}

test_run_hears_a_verdict_that_comes_in_two() {
	project
	run_guest stammer
	expect_rc 0
	expect_total 2 0 1
}

test_run_that_tested_nothing_does_not_pass() {
	project
	run_guest mute
	expect_rc 2
	expect_err 'ran no test'
}

test_run_with_a_code_that_is_none_of_the_suites() {
	project
	run_guest code:77
	expect_rc 2
	expect_err 'run.sh ended with code 77'
}

test_run_says_why_qemu_does_not_start() {
	project
	run_guest refuse
	expect_rc 2
	expect_err 'QEMU does not start'
	expect_total 0 1 0
}

test_run_with_a_build_that_fails_names_the_log() {
	project
	FAKE_MAKE=fail run_guest pass
	expect_rc 2
	expect_err 'error: as told'
	expect_err 'make modules failed, see .*\.log'
	[[ ! -s $FAKE_STARTED ]] || fail "started a guest all the same"
}

test_run_of_several_lanes_sums_up() {
	project
	FAKE_GUEST=pass vm run all
	expect_rc 0
	expect_total 4 0 2
	[[ -e $T/top/out/one/summary.json && -e $T/top/out/two/summary.json ]] ||
		fail "a summary is missing"
}

test_run_goes_on_after_a_lane_that_cannot_run() {
	project
	sed -i "1s|$T/kernel|$T/nowhere|" "$T/top/scripts/vm/lanes"
	FAKE_GUEST=pass vm run 'o*' two
	expect_rc 2
	expect_total 2 1 1
}

test_run_replaces_what_an_earlier_run_left() {
	project
	run_guest fail
	run_guest pass
	expect_rc 0
	! grep -q 'not ok' "$T/top/out/one/results.ktap" || fail "old results are still there"
}

test_run_summary_is_json() {
	type -P python3 >/dev/null || skip "no python3"
	project
	run_guest fail
	python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
assert s["lane"] == "one" and s["code"] == 1, s
assert [t["result"] for t in s["tests"]] == ["pass", "fail", "skip"], s["tests"]
assert s["argv"][0].endswith("fake-qemu"), s["argv"]
' "$T/top/out/one/summary.json"
}

# FILE: well-formed, and the numbers at its top those of its test cases
junit_says() {
	type -P python3 >/dev/null || skip "no python3"
	python3 -c '
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
cases = suite.findall("testcase")
word = lambda case: case[0].tag if len(case) else "passed"
assert int(suite.get("tests")) == len(cases), suite.attrib
for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
    assert int(suite.get(attribute)) == [word(c) for c in cases].count(tag), suite.attrib
for case in cases:
    print(case.get("classname"), case.get("name"), word(case), sep="|")
' "$1"
}

test_run_leaves_junit_xml() {
	project
	run_guest fail
	run junit_says "$T/top/out/one/junit.xml"
	expect_rc 0
	expect_out '^one\..*\|failure$'
	expect_out '\|passed$'
	expect_out '\|skipped$'
}

test_run_without_a_verdict_is_an_error_in_junit_xml() {
	project
	run_guest lost
	run junit_says "$T/top/out/one/junit.xml"
	expect_out '^one\|verdict\|error$'
}

test_junit_xml_takes_any_name() {
	printf 'pass\ta<b>&"c"/d&amp;\t\nfail\tno slash\t<why> "so" \001\n' >"$T/results.tsv"
	awk -f "$VM_DIR/lib/junit.awk" -v lane='l&1' -v seconds=1.5 -v verdict=fail \
		"$T/results.tsv" >"$T/junit.xml"
	run junit_says "$T/junit.xml"
	expect_rc 0
	expect_out '^l&1\.a<b>&"c"\|d&amp;\|passed$'
	expect_out '^l&1\.no slash\|no slash\|failure$'
}

# The second finds the first at work: it waits, says so, and gets its own result.
test_run_twice_at_once_takes_turns() {
	local second

	project
	FAKE_GUEST=hang vm_start run one
	FAKE_GUEST=pass "$T/top/scripts/vm/vm" run one >"$T/2.out" 2>"$T/2.err" &
	second=$!
	until_true grep -q 'waiting for another run' "$T/2.err"
	kill -TERM "$pid"
	run wait "$second"
	expect_rc 0
	expect_file "$T/2.out" '^2 passed, 0 failed, 1 skipped$'
	vm_wait
	expect_nothing_left
}

test_run_of_two_lanes_at_once_needs_no_turns() {
	project
	FAKE_GUEST=hang vm_start run one
	FAKE_GUEST=pass vm run two
	expect_rc 0
	expect_total 2 0 1
	kill -TERM "$pid"
	vm_wait
	expect_rc 143
	expect_nothing_left
}

test_run_ended_by_ctrl_c_leaves_nothing() {
	project
	FAKE_GUEST=hang vm_start run one
	kill -INT -- "-$pid"
	vm_wait
	expect_rc 130
	expect_nothing_left
}

test_run_ended_by_a_signal_to_it_alone_leaves_nothing() {
	project
	FAKE_GUEST=hang vm_start run one
	kill -TERM "$pid"
	vm_wait
	expect_rc 143
	expect_nothing_left
}

# SECONDS OPTION...: what `vm run` with these options limits a guest's time to.
expect_limit() {
	local limit=$1

	FAKE_GUEST=hang vm_start run one "${@:2}"
	processes_with "$T/top" >"$T/processes"
	expect_file "$T/processes" "timeout --foreground --kill-after=5 $limit "
	kill -TERM "$pid"
	vm_wait
	rm "$FAKE_STARTED"
}

test_run_gives_a_slow_kernel_more_time() {
	project
	expect_limit 900
	expect_limit 3600 --append VLAB_PATIENCE=4
	VLAB_PATIENCE=2 expect_limit 1800 --append VLAB_PATIENCE=4
	VLAB_PATIENCE=2 expect_limit 7 --timeout 7
	sed -i 's/ 1 \*$/ 1 * VLAB_PATIENCE=3/' "$T/top/scripts/vm/lanes"
	expect_limit 2700
	expect_limit 4500 --append 'VLAB_PATIENCE=5 quiet'
}

# A QEMU of the given version that plays the usual guest.
qemu_of_version() {
	# shellcheck disable=SC2016 # for the script
	printf '#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version %s" && exit\n%s\n' \
		"$1" "exec '$TESTS/fake-qemu' \"\$@\"" >"$T/bin/qemu"
	chmod +x "$T/bin/qemu"
	export VM_QEMU=$T/bin/qemu
	sed -i 's/ 1 \*$/ 2 */' "$T/top/scripts/vm/lanes"
}

# See docs/surprises.md.
test_run_leaves_nested_guests_out_where_qemu_emulates_them_badly() {
	project
	! grep -Eqw 'vmx|svm' /proc/cpuinfo || skip "the processor may run guests itself"
	qemu_of_version 10.0.13
	run_guest pass
	expect_err 'QEMU 10 emulates them badly'
	! grep -q VLAB_NESTED= "$T/top/out/one/env" || fail "VLAB_NESTED is set"
	VLAB_NESTED_BYTES=64 run_guest pass
	expect_file "$T/top/out/one/env" '^export VLAB_NESTED='
	qemu_of_version 7.2.22
	run_guest pass
	expect_file "$T/top/out/one/env" '^export VLAB_NESTED='
}

# ---- no space: a small file system of this test's own, seen by nobody else ----

# with_full DIR COMMAND...
with_full() {
	unshare -m true 2>/dev/null || skip "cannot mount"
	mkdir -p "$1"
	# shellcheck disable=SC2016 # for the shell inside
	run unshare -m bash -c '
		mount -t tmpfs -o size=64k none "$1"
		dd if=/dev/zero of="$1/ballast" status=none 2>/dev/null
		shift
		"$@"' - "$@"
}

test_run_says_that_the_disk_is_full() {
	project
	FAKE_GUEST=pass with_full "$T/top/out" "$T/top/scripts/vm/vm" run one
	expect_rc 2
	expect_err 'no space left in .*/out'
	expect_nothing_left
}

test_run_says_that_the_cache_is_full() {
	project
	FAKE_GUEST=pass with_full "$T/cache/vfiolab" "$T/top/scripts/vm/vm" run one
	expect_rc 2
	expect_err 'no space left in .*/cache'
	expect_nothing_left
}

test_exec_says_that_the_disk_is_full() {
	project
	FAKE_GUEST=pass with_full "$T/tmp" "$T/top/scripts/vm/vm" exec --lane one -- true
	expect_rc 2
	expect_err 'no space left in .*/tmp'
}

# A qemu-of that knows one suite
nested_qemu_project() {
	project
	cat >"$T/top/scripts/vm/qemu-of" <<-'END'
		#!/bin/sh
		[ "$1" = sarge ] && echo /qemu/of/sarge && exit
		echo "no qemu in $1" >&2
		exit 2
	END
}

expect_nested_qemu() { # PROGRAM
	expect_rc 0
	expect_file "$T/top/out/one/env" "^export VLAB_QEMU=$1\$"
}

test_run_gives_guests_of_the_guest_the_qemu_of_a_suite() {
	nested_qemu_project
	vm run --append VLAB_QEMU=of:sarge one
	expect_nested_qemu /qemu/of/sarge
	VLAB_QEMU=of:sarge vm run one
	expect_nested_qemu /qemu/of/sarge
}

test_run_takes_the_qemu_of_the_environment_rather_than_the_lanes() {
	nested_qemu_project
	VLAB_QEMU=/my/qemu vm run --append VLAB_QEMU=of:sarge one
	expect_nested_qemu /my/qemu
}

test_run_with_the_qemu_of_a_suite_that_is_not_known_says_so() {
	nested_qemu_project
	vm run --append VLAB_QEMU=of:potato one
	expect_rc 2
	expect_err 'no qemu in potato'
	[[ ! -s $FAKE_STARTED ]] || fail "a guest was started"
}
