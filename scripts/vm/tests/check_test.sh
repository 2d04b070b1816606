# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# scripts/check: each step that is here catches what it is there for.

# A project of a few good files, with the gate in it.
small_project() {
	mkdir -p "$T/top"/{kmod,uapi,scripts/vm}
	cp "$TOP/scripts/check" "$T/top/scripts"
	ln -s "$VM_DIR"/{ksrc,kdir,lib,config,kernel-src,relocate-headers} "$T/top/scripts/vm"
	cp "$TOP/Makefile" "$T/top"
	cp "$TOP/kmod/compat.h" "$T/top/kmod"
	echo '# SPDX-License-Identifier: GPL-2.0-only' |
		tee "$T/top/"{README.md,kmod/Kbuild,scripts/vm/lanes} >/dev/null
	echo 'one deb:6.1 qemu-system-x86_64 intel 1 *' >>"$T/top/scripts/vm/lanes"
}

check() {
	run "$T/top/scripts/check" "$@"
}

# A step fails, with its log named, and the log says why.
expect_caught() { # STEP REGEX
	check "$1"
	expect_rc 1
	expect_out "^not ok $1 \([0-9]+ s\) out/check/$1.log"
	expect_out '^0 passed, 1 failed, 0 skipped$'
	expect_file "$T/top/out/check/$1.log" "$2"
}

test_check_passes_what_is_good() {
	small_project
	check spdx shellcheck shfmt
	expect_rc 0
	expect_out '^3 passed, 0 failed, 0 skipped$'
	[[ $(tail -n 1 "$T/out") == '3 passed, 0 failed, 0 skipped' ]] || fail "not its last line"
}

test_check_spdx_catches_a_file_without_licence() {
	small_project
	echo '#!/bin/sh' >"$T/top/naked"
	expect_caught spdx "^naked: no 'SPDX"
}

test_check_spdx_catches_a_header_with_the_wrong_licence() {
	small_project
	echo '/* SPDX-License-Identifier: GPL-2.0-only */' >"$T/top/uapi/vlab_x.h"
	expect_caught spdx 'uapi/vlab_x.h: no .*syscall-note'
}

test_check_shellcheck_catches_a_bug() {
	small_project
	printf '#!/bin/sh\nrm -rf %s1/\n' '$' >"$T/top/bad"
	expect_caught shellcheck SC2086
}

test_check_shfmt_catches_spaces() {
	small_project
	printf '#!/bin/sh\nif :; then\n    :\nfi\n' >"$T/top/bad"
	expect_caught shfmt '^-    :'
}

test_check_checkpatch_catches_bad_style() {
	small_project
	printf '// SPDX-License-Identifier: GPL-2.0-only\nint a( void );\n' >"$T/top/kmod/bad.c"
	expect_caught checkpatch 'kmod/bad.c:2: .*SPACING'
}

test_check_kernel_doc_catches_an_undocumented_argument() {
	small_project
	printf '%s\n' '/**' ' * f() - do it' ' */' 'int f(int undescribed);' \
		>"$T/top/kmod/vfiolab.h"
	expect_caught kernel-doc "undescribed' not described"
}

# obj-m of one file that is no more than this.
module_of() { # STATEMENT
	printf '%s\n' '// SPDX-License-Identifier: GPL-2.0-only' \
		'#include <linux/module.h>' "$1" 'MODULE_LICENSE("GPL");' \
		'MODULE_DESCRIPTION("test");' >"$T/top/kmod/bad.c"
	echo 'obj-m := bad.o' >>"$T/top/kmod/Kbuild"
}

test_check_sparse_catches_mixed_endianness() {
	small_project
	module_of 'static __maybe_unused __le32 f(u32 x) { return x; }'
	expect_caught sparse 'different base types'
}

test_check_sparse_fails_when_it_finds_nothing() {
	small_project
	module_of ''
	mkdir "$T/bin"
	printf '#!/bin/sh\n' >"$T/bin/sparse"
	chmod +x "$T/bin/sparse"
	PATH=$T/bin:$PATH check sparse
	expect_rc 1
}

# As Kbuild does with a sparse that it takes for too old.
test_check_sparse_fails_when_kbuild_leaves_it_out() {
	small_project
	module_of ''
	sed -i 's/C=2/C=0/' "$T/top/scripts/check"
	expect_caught sparse 'sparse did not check .*kmod/bad.c'
}

test_check_modules_catches_a_warning() {
	small_project
	module_of 'static int unused;'
	expect_caught modules-6.12 'unused.* defined but not used'
}

test_check_modules_catches_an_unresolved_symbol() {
	small_project
	module_of 'void nowhere(void); void here(void); void here(void) { nowhere(); }'
	expect_caught modules-6.12 'nowhere.* undefined'
}

test_check_shows_the_case_that_failed() {
	small_project
	printf 'unit:\n\t@printf "%%s\\n" "ok 1 one" "not ok 2 two" "# why" %s; exit 1\n' \
		'"ok 3 three" "ok 4" "ok 5" "ok 6" "ok 7" "ok 8"' >"$T/top/Makefile"
	check unit
	expect_rc 1
	expect_out '^    not ok 2 two$'
	expect_out '^    # why$'
	expect_out '^7 passed, 1 failed, 0 skipped$'
}

# A project of one row and one test that holds it, and what a lane said of it.
small_matrix() {
	small_project
	mkdir -p "$T/top"/{docs,selftests,out/one}
	cp "$TOP/scripts/uapi" "$T/top/scripts"
	printf '%s\n' '= All' '- Some' 'READ | it is read' 'ROM | a ROM | no card has one' \
		>"$T/top/docs/uapi.rows"
	printf '%s\n' 'lane one 6.1' 'READ pass' >"$T/top/docs/uapi.results"
	printf '%s\n' '/* uapi: READ */' 'TEST(read_is_done)' '{' '}' \
		>"$T/top/selftests/a_test.c"
	printf '"kernel": "6.1.0-56-amd64"\n' >"$T/top/out/one/summary.json"
	printf '%s\n' '# selftests: vfiolab: a_test' '# ok 1 global.read_is_done' \
		'ok 1 selftests: vfiolab: a_test' >"$T/top/out/one/results.ktap"
	"$T/top/scripts/uapi" --write
}

test_check_uapi_passes_and_lists_the_tests_of_each_row() {
	small_matrix
	check uapi uapi-lanes
	expect_rc 0
	expect_file "$T/top/docs/uapi.md" '^2 rows: 1 tested, 0 tested in part, 1 gaps\.$'
	expect_file "$T/top/docs/uapi.md" '^\| .READ. \| it is read \| a 1 \| pass \|  \|$'
	expect_file "$T/top/docs/uapi.md" '^\| .ROM. \| a ROM \|  \|  \| no card has one \|$'
	expect_file "$T/top/docs/uapi.md" '^- a_test global.read_is_done$'
}

test_check_uapi_catches_a_test_that_the_page_lacks() {
	small_matrix
	printf '%s\n' '/* uapi: READ */' 'TEST_F(b, other)' >>"$T/top/selftests/a_test.c"
	expect_caught uapi 'docs/uapi.md is stale: scripts/uapi --write'
}

test_check_uapi_catches_a_row_that_lost_its_test() {
	small_matrix
	sed -i 1d "$T/top/selftests/a_test.c"
	"$T/top/scripts/uapi" --write
	expect_caught uapi 'READ has no test and docs/uapi.rows no reason'
}

test_check_uapi_catches_a_tag_of_no_row() {
	small_matrix
	sed -i 1s/READ/WRITE/ "$T/top/selftests/a_test.c"
	expect_caught uapi 'a_test.c:2: docs/uapi.rows has no row WRITE'
}

test_check_uapi_catches_a_tag_of_no_test() {
	small_matrix
	printf '%s\n' '/* uapi: READ */' 'static int a;' >>"$T/top/selftests/a_test.c"
	expect_caught uapi 'a_test.c:6: no test follows the tag READ'
}

test_check_uapi_lanes_catches_a_row_that_is_skipped_now() {
	small_matrix
	sed -i 's/_done$/_done # SKIP no reason/' "$T/top/out/one/results.ktap"
	expect_caught uapi-lanes "READ in lane one: the record has 'pass', now 'skip'"
	"$T/top/scripts/uapi" --record "$T/top/out"
	check uapi uapi-lanes
	expect_rc 0
}

test_check_uapi_lanes_catches_a_program_that_is_skipped_now() {
	small_matrix
	sed -i 2d "$T/top/out/one/results.ktap"
	expect_caught uapi-lanes "READ in lane one: the record has 'pass', now 'skip'"
}

# Nor does it know what a test that did not run would have said.
test_check_uapi_lanes_leaves_other_kernels_and_parts_of_runs_alone() {
	small_matrix
	sed -i 's/_done$/_done # SKIP no reason/' "$T/top/out/one/results.ktap"
	sed -i s/6.1/6.12/ "$T/top/out/one/summary.json"
	check uapi-lanes
	expect_rc 0
	sed -i s/6.12/6.1/ "$T/top/out/one/summary.json"
	sed -i s/read_is_done/older/ "$T/top/out/one/results.ktap"
	check uapi-lanes
	expect_rc 0
	sed -i s/a_test/b_test/ "$T/top/out/one/results.ktap"
	check uapi-lanes
	expect_rc 0
}

test_check_signed_off_catches_a_commit_without() {
	type -P git >/dev/null || skip "no git"
	small_project
	git init -q "$T/top"
	git -C "$T/top" -c user.name=x -c user.email=x@example.org commit -q \
		--allow-empty -m 'nobody signed this'
	expect_caught signed-off 'nobody signed this'
}

test_check_names_the_steps_when_one_is_unknown() {
	small_project
	check spdx spxd
	expect_rc 2
	expect_err "no step 'spxd'.*spdx.*lane-one"
}

test_harness_tests_refuse_a_name_that_no_case_has() {
	run "$TESTS/run" 'nonesuch*'
	expect_rc 1
	expect_err "no test case is named nonesuch"
}

test_check_builds_each_kernel_that_a_lane_wants_once() {
	small_project
	{
		printf '%s src:7.2+%s system intel 1 *\n' two base three base,iommufd four base
		echo '# not in the gate'
		echo 'debug src:7.2+base,debug system intel 1 *'
	} >>"$T/top/scripts/vm/lanes"
	check --list
	expect_rc 0
	grep -E '^(kernel-7|modules-7|lane-)' "$T/out" | diff - <(printf '%s\n' \
		{kernel,modules}-7.2+base {kernel,modules}-7.2+base-iommufd \
		lane-{one,two,three,four})
}

# Lanes b and c have to meet, or each waits in vain for the other; c stays a while, for d to
# come if it may.
test_check_runs_lanes_by_two_but_those_with_guests_in_the_guest_alone() {
	small_project
	printf '%s deb:6.1 system intel %s *\n' a 2 b 1 c 1 d 2 >"$T/top/scripts/vm/lanes"
	cat >"$T/top/scripts/vm/vm" <<-END
		#!/bin/bash
		echo "begin \$2" >>$T/log
		for ((i = 0; i < 200; i++)); do
			[[ \$2 != [bc] ]] || { grep -q 'begin b' $T/log && grep -q 'begin c' $T/log; } && break
			sleep 0.1
		done
		for ((j = 0; j < 20; j++)); do
			[[ \$2 == c ]] && ! grep -q 'begin d' $T/log || break
			sleep 0.1
		done
		echo "end \$2" >>$T/log
		echo "\$((i < 200)) passed, \$((i == 200)) failed, 0 skipped"
	END
	chmod +x "$T/top/scripts/vm/vm"
	check 'lane-*'
	expect_rc 0
	expect_out '^4 passed, 0 failed, 0 skipped$'
	[[ $(cut -d' ' -f1 "$T/log" | paste -sd' ') == "begin end begin begin end end begin end" ]] ||
		fail "in this order: $(paste -sd' ' "$T/log")"
}

test_check_quick_leaves_out_the_virtual_machines() {
	small_project
	check --quick --list
	expect_rc 0
	expect_out '^unit$'
	! grep -q lane "$T/out" || fail "lanes in it"
}

# kill as ^C does: to the gate alone, which has to end what it started.
test_check_ends_its_steps_when_told_to_end() {
	local pid child

	small_project
	printf 'unit:\n\t@echo $$$$ >child && exec sleep 600\n' >"$T/top/Makefile"
	"$T/top/scripts/check" unit &
	pid=$!
	until_true test -s "$T/top/child"
	child=$(<"$T/top/child")
	kill -INT "$pid" || kill -TERM "$pid"
	kill -TERM "$pid"
	run wait "$pid"
	expect_rc 130
	until_true ended "$child"
}
