"""The contract is in the repository, and tests keep to it: docs/contract has one statement per number; every number that is
cited exists; every statement is named by a test, or stands in docs/contract/uncovered.md with the reason why none does."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "docs/contract"
FILES = {"CP": "control-plane.md", "MP": "media-plane.md", "HL": "helpers.md"}
UNCOVERED = CONTRACT / "uncovered.md"

# One number, or a run of them: "CP-274..276", "MP-110 to MP-112", "HL-096 … HL-103".
CITED = re.compile(r"\b(CP|MP|HL)-(\d+)(?:(?: to | ?\.\.\.? ?| ?… ?| ?– ?)(?:(?:CP|MP|HL)-)?(\d{3})\b)?")
SECTION = re.compile(r"\b(control-plane|media-plane|helpers)\.md,? ((?:(?:, | and | … )?§[\d.]*\d)+)")
STATEMENT = re.compile(r'^\* <a id="([a-z]{2}-\d{3})"></a>\*\*([A-Z]{2}-\d{3})\*\* (.*)$', re.M)
# The crate's own tests, as rustfmt leaves them: to the closing brace in the first column, or in a file of their own.
INLINE_TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*(?:pub(?:\(.*?\))? )?mod \w+ \{\n.*?^\}", re.M | re.S)
TEST_FILES = re.compile(r"^(tests|c-plugins/oracle)/.*(\.(rs|py|c|mjs|js|sh)|/run)$|^(src|benches|fuzz)/(.*/)?(\w+_)?tests(/.*)?(\.rs)?$")


def texts():
    """Every text file that is kept, by its path; those not added yet as well."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    found = {}
    for name in listed.stdout.splitlines():
        try:
            found[name] = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    assert len(found) > 300, listed.stderr
    return found


def numbers(text):
    for match in CITED.finditer(text):
        first = int(match[2])
        for number in range(first, int(match[3] or first) + 1):
            # As it is written: a number with too few digits is none.
            yield f"{match[1]}-{match[2]}" if number == first else f"{match[1]}-{number:03}"


def documentation(text):
    """Blocks of Rust's doc comments, each with the number of its first line."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and re.match(r"\s*//[/!]", lines[end]):
            end += 1
        if end > at:
            yield at + 1, " ".join(re.sub(r"^\s*//[/!]\s?", "", line) for line in lines[at:end])
        at = max(end, at + 1)


def only_numbers(text):
    rest = CITED.sub("", text)
    if rest == text:
        return False
    return not re.sub(r"\b(control-plane|media-plane|helpers)\.md|§[\d.]+|\b(to|and|see)\b|\W", "", rest)


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = texts()
        cls.statements = {}
        for prefix, name in FILES.items():
            for anchor, number, text in STATEMENT.findall((CONTRACT / name).read_text()):
                assert number.startswith(prefix) and number not in cls.statements, f"{number} in {name}"
                assert anchor == number.lower(), f"{number} has the anchor {anchor}"
                cls.statements[number] = text
        cls.listed = {}
        for line in UNCOVERED.read_text().splitlines():
            if line.startswith("| ") and (found := list(numbers(line))):
                reason = line.strip("|").split("|")[-1].strip()
                assert not list(numbers(reason)), f"numbers belong into the first column: {line}"
                for number in found:
                    assert number not in cls.listed, f"{number} is listed twice"
                    cls.listed[number] = reason

    def code(self):
        return {name: text for name, text in self.texts.items() if not name.startswith("docs/contract/")}

    def covered(self):
        found = set()
        for name, text in self.texts.items():
            if name == "tests/docs/contract.py":
                continue
            if TEST_FILES.match(name):
                found.update(numbers(text))
            elif name.endswith(".rs"):
                for tests in INLINE_TESTS.findall(text):
                    found.update(numbers(tests))
        return found

    def test_numbers_have_no_gaps(self):
        for prefix in FILES:
            own = sorted(number for number in self.statements if number.startswith(prefix))
            self.assertGreater(len(own), 200)
            self.assertEqual(own, [f"{prefix}-{number:03}" for number in range(1, len(own) + 1)])

    def test_statements_say_something(self):
        self.assertEqual([n for n, text in self.statements.items() if len(text.split()) < 2], [])

    def test_cited_numbers_exist(self):
        dangling = [
            f"{name}: {number}"
            for name, text in self.texts.items()
            if name != "tests/docs/contract.py"
            for number in numbers(text)
            if number not in self.statements
        ]
        self.assertEqual(dangling, [])

    def test_cited_sections_exist(self):
        headings = {
            name: set(re.findall(r"^##+ ([\d.]*\d)\.? ", (CONTRACT / name).read_text(), re.M)) for name in FILES.values()
        }
        dangling = [
            f"{name}: {file}.md §{section}"
            for name, text in self.code().items()
            for file, cited in SECTION.findall(text)
            for section in re.findall(r"§([\d.]*\d)", cited)
            if section not in headings[f"{file}.md"]
        ]
        self.assertEqual(dangling, [])

    def test_each_statement_is_covered_or_listed(self):
        covered = self.covered()
        missing = sorted(set(self.statements) - covered - set(self.listed))
        self.assertEqual(missing, [], "no test names them, and docs/contract/uncovered.md does not say why")

    def test_listed_statements_are_not_covered(self):
        done = sorted(set(self.listed) & self.covered())
        self.assertEqual(done, [], "a test names them now: take them out of docs/contract/uncovered.md")
        self.assertEqual(sorted(set(self.listed) - set(self.statements)), [])
        self.assertEqual([n for n, reason in self.listed.items() if len(reason.split()) < 3], [], "no reason")

    def test_no_documentation_is_a_number_only(self):
        empty = [
            f"{name}:{line}: {text}"
            for name, content in self.texts.items()
            if name.endswith(".rs")
            for line, text in documentation(content)
            if only_numbers(text)
        ]
        self.assertEqual(empty, [])

    def test_the_checks_can_fail(self):
        self.assertEqual(list(numbers("CP-274..276, MP-110 to MP-112")), ["CP-274", "CP-275", "CP-276", "MP-110", "MP-111", "MP-112"])
        self.assertEqual(list(numbers("HL-9 HL-96 … HL-098")), ["HL-9", "HL-96", "HL-097", "HL-098"])
        self.assertTrue(only_numbers("HL-074, HL-075."))
        self.assertTrue(only_numbers("MP-110 to MP-112 (media-plane.md §3.1)"))
        self.assertFalse(only_numbers("53 bits (HL-216)."))
        self.assertEqual(list(documentation("/// a\n/// b\nfn c() {}\n    //! d")), [(1, "a b"), (4, "d")])


class Links(unittest.TestCase):
    """Pages link to files and headings that exist, inside the repository; each suite is described."""

    def test_each_suite_is_described(self):
        page = (ROOT / "tests/README.md").read_text()
        suites = sorted(run.parent.name for run in (ROOT / "tests").glob("*/run"))
        self.assertGreater(len(suites), 10)
        self.assertEqual([name for name in suites if f"\n| {name} |" not in page], [], "not in tests/README.md")
        page = (ROOT / "fuzz/README.md").read_text()
        targets = sorted(file.stem for file in (ROOT / "fuzz/targets").glob("*.rs"))
        self.assertEqual([name for name in targets if f"\n| `{name}` |" not in page], [], "not in fuzz/README.md")

    @staticmethod
    def anchors(text):
        found = set(re.findall(r'<a id="([^"]+)"', text))
        for heading in re.findall(r"^#+ (.*)$", text, re.M):
            found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
        return found

    def test_links(self):
        broken = []
        for name, text in texts().items():
            if not name.endswith(".md"):
                continue
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (ROOT / name).parent / path if path else ROOT / name
                if not file.resolve().is_relative_to(ROOT) or not file.exists():
                    broken.append(f"{name}: {target}")
                elif anchor and file.suffix == ".md" and anchor not in self.anchors(file.read_text()):
                    broken.append(f"{name}: no {anchor} in {path or name}")
        self.assertEqual(broken, [])


if __name__ == "__main__":
    unittest.main()
