# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# scripts/coverage, on a program that stands for a module.

# A tree in $T/top where lane $1 ran a program with the arguments that follow.
counted() { # LANE ARGUMENT...
	local top=$T/top obj=$T/top/out/build/1.0/obj/kmod

	type -P lcov >/dev/null || skip "no lcov"
	mkdir -p "$top"/{scripts,kmod,out/"$1"} "$obj"
	cp -r "$TOP/scripts/coverage" "$VM_DIR" "$top/scripts"
	cat >"$top/kmod/a.c" <<-'END'
		static int twice(int i)
		{
			return 2 * i;
		}

		static int never(int i)
		{
			return 3 * i;
		}

		int main(int argc, char **argv)
		{
			return argc > 1 ? twice(argc) : argv ? 0 : never(1);
		}
	END
	[[ -e $obj/program ]] || {
		ln -s "$top/kmod/a.c" "$obj/a.c"
		(cd "$obj" && gcc --coverage -o program a.c)
	}
	"$obj/program" "${@:2}" || : # what it returns is of no interest
	(cd / && tar -cf "$top/out/$1/coverage.tar" "${obj#/}"/*.gcda)
	rm "$obj"/*.gcda
}

coverage() {
	run "$T/top/scripts/coverage" "$@"
}

test_coverage_counts_lines_and_names_what_never_ran() {
	counted coverage more
	coverage
	expect_rc 0
	expect_out '^\| .kmod/a.c. \| 4 / 6 \| 66.7 % \| 2 / 3 \| 66.7 % \|$'
	expect_out '^\| \*\*kmod/\*\* \| 4 / 6 '
	expect_file "$T/top/out/coverage-report/uncovered" '^kmod/a.c:6: never$'
	[[ -e $T/top/out/coverage-report/index.html ]] || fail "no index.html"
}

test_coverage_of_several_lanes_is_that_of_any() {
	counted coverage
	counted coverage-more more
	coverage coverage
	expect_out '.kmod/a.c. \| 2 / 6 '
	coverage
	expect_out '.kmod/a.c. \| 4 / 6 '
}

test_coverage_says_what_to_run_first() {
	counted coverage more
	coverage nosuch
	expect_rc 2
	expect_err 'no counters in .*out/nosuch; first: .*vm run nosuch'
	rm "$T/top/out/coverage/coverage.tar"
	coverage
	expect_rc 2
	expect_err 'nothing counted yet; first: .*vm run'
}

test_coverage_refuses_what_was_built_again() {
	counted coverage more
	echo 'int another;' >>"$T/top/kmod/a.c"
	(cd "$T/top/out/build/1.0/obj/kmod" && gcc --coverage -o program a.c)
	coverage
	expect_rc 2
	expect_err 'built again since lane coverage ran'
}
