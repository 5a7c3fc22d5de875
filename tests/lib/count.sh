# Sourced by test.sh: how many tests the output of a suite tells of.

# Reads the output of test runners; prints "PASSED FAILED". Understood: cargo's libtest ("test result: …"), node:test
# ("ℹ pass 3" or "# pass 3"), Python's unittest ("Ran 3 tests", "FAILED (failures=1, errors=1)"), and the closing line of
# our own scripts ("3 passed, 0 failed", one word with a colon before it).
count_tests() {
	sed 's/\x1b\[[0-9;]*m//g' | awk '
		# What failed is run again; the second run counts.
		/^=== once more: / { runner = passed = failed = before = whole = own_passed = own_failed = 0 }
		# Here what passed is not run again, but for files of node:test, which are run again as a whole (again.sh).
		/^=== first: / { before = failed; whole = 0 }
		/^=== once more, only: / { passed -= whole; failed = before; whole = 0 }
		/^test result: / { runner = 1; passed += $4; failed += $6 }
		/^[ℹ#] pass [0-9]+$/ { runner = 1; passed += $3; file = $3 }
		/^[ℹ#] fail [0-9]+$/ { failed += $3; if ($3 > 0) whole += file }
		/^Ran [0-9]+ tests? in / { runner = 1; passed += $2 }
		/^FAILED \(/ {
			line = $0
			while (match(line, /(failures|errors)=[0-9]+/)) {
				part = substr(line, RSTART, RLENGTH)
				sub(/.*=/, "", part)
				failed += part; passed -= part
				line = substr(line, RSTART + RLENGTH)
			}
		}
		# A script of ours; where it sums up what a runner has told already, it adds nothing.
		/^([a-z]+: )?[0-9]+ passed, [0-9]+ failed/ {
			line = $0
			sub(/^[a-z]+: /, "", line)
			split(line, word, " ")
			own_passed = word[1]; own_failed = word[3]
		}
		END {
			if (!runner) { passed = own_passed; failed = own_failed }
			print passed + 0, failed + 0
		}'
}
