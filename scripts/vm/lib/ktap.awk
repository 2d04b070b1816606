# SPDX-License-Identifier: GPL-2.0-only
#
# KTAP to one line a test case: "pass|fail|skip", tab, name, tab, detail.
#
# Nested results may be indented (KTAP 2) or prefixed by "# " (kselftest). Only the
# innermost results are test cases; those around them give them their names. A
# result that is missing by the plan is a failure, and so is one that fails though
# all inside it passed.

# Results of one level that wait for the result around them.
function hold(level, line) {
	held[level] = held[level] line "\n"
	count[level]++
	if (line ~ /^fail/)
		failures[level]++
}

function drop(level) {
	held[level] = ""
	count[level] = failures[level] = seen[level] = 0
	plan[level] = -1
}

function missing(level) {
	if (plan[level] > seen[level])
		hold(level, sprintf("fail\t\t%d of %d tests gave no result", plan[level] - seen[level],
				    plan[level]))
}

function joined(outer, inner) {
	return outer (outer == "" || inner == "" ? "" : "/") inner
}

# Moves what a level holds to the one around it, named after NAME there.
function fold(level, name,    lines, fields, n, i) {
	missing(level)
	n = split(held[level], lines, "\n")
	for (i = 1; i < n; i++) {
		split(lines[i], fields, "\t")
		hold(level - 1, fields[1] "\t" joined(name, fields[2]) "\t" fields[3])
	}
}

function result_of(line) {
	if (line ~ /# *(SKIP|skip)/)
		return "skip"
	return line ~ /^not ok/ ? "fail" : "pass"
}

function test_result(level, line,    result, name, detail) {
	result = result_of(line)
	name = line
	sub(/^(not )?ok *[0-9]* *(- )?/, "", name)
	detail = name
	if (!sub(/^.*[ ]# */, "", detail) && !sub(/^# */, "", detail))
		detail = ""
	sub(/ *# .*$/, "", name)
	sub(/^selftests: [^:]*: /, "", name)
	gsub(/\t/, " ", name)
	gsub(/\t/, " ", detail)
	seen[level]++
	while (deepest > level + 1) {
		fold(deepest, "")
		drop(deepest--)
	}
	if (count[level + 1] + (plan[level + 1] > 0)) {
		missing(level + 1)
		plan[level + 1] = -1
		if (result == "fail" && !failures[level + 1])
			hold(level + 1, "fail\t\t" (detail == "" ? "failed as a whole" : detail))
		fold(level + 1, name)
	} else {
		hold(level, result "\t" name "\t" detail)
	}
	drop(level + 1)
	deepest = level
}

BEGIN { plan[0] = -1 }

{
	sub(/\r$/, "")
	level = 0
	while (sub(/^(# |  )/, ""))
		level++
}

/^1\.\.[0-9]+/ {
	while (deepest < level)
		drop(++deepest)
	plan[level] = substr($1, 4) + 0
	if (level == 0 && plan[0] == 0)
		hold(0, "skip\tall\t" substr($0, index($0, "#") + 2))
}

/^(not )?ok( |$)/ {
	while (deepest < level)
		drop(++deepest)
	test_result(level, $0)
}

END {
	for (; deepest > 0; deepest--)
		fold(deepest, "")
	missing(0)
	printf "%s", held[0]
}
