"""differences.txt: what may differ, with its reason. A rule that never applies is an error, too."""

import fnmatch


class Rule:
    def __init__(self, line, text, function, label, reference, ours):
        self.line, self.text = line, text
        self.function, self.label, self.reference, self.ours = function, label, reference, ours
        self.used = 0

    def covers(self, function, label, reference, ours):
        match = fnmatch.fnmatchcase
        return (match(function, self.function) and match(label, self.label)
                and match(str(reference), self.reference) and match(str(ours), self.ours))


def read(path, version):
    """Lines of `version | function | case | reference | ours | reason`; the middle ones are shell patterns."""
    rules = []
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        fields = [field.strip() for field in text.split("|")]
        if len(fields) != 6 or not fields[5]:
            raise SystemExit(f"{path.name}:{number}: six fields, the last one the reason")
        if fields[0] in (version, "*"):
            rules.append(Rule(number, text, *fields[1:5]))
    return rules


def listed(rules, function, label, reference, ours):
    for rule in rules:
        if rule.covers(function, label, reference, ours):
            rule.used += 1
            return True
    return False


def read_excuses(path):
    """{function: reason} of not-called.txt."""
    excuses = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, why = line.partition(":")
            excuses[name.strip()] = why.strip()
    return excuses
