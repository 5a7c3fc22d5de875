#!/usr/bin/env python3
"""man.py HEADER VERSION: the page janus_rs(3), of the comments in janus_rs.h."""

import re
import sys
from pathlib import Path


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def page(header, version):
    preamble = header[header.index("/*") + 2:header.index("*/")]
    lines = [re.sub(r"^ \* ?", "", line) for line in preamble.splitlines()]
    name, paragraphs = lines[0].strip(), "\n".join(lines[1:])
    yield f'.TH JANUS_RS 3 "" "janus_rs {version}" "Library functions"'
    yield ".SH NAME\njanus_rs \\- the Janus core, and WebRTC, inside your own program"
    yield '.SH SYNOPSIS\n.B #include <janus_rs.h>\n.PP\n.nf\ncc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs janus_rs)\n.fi'
    yield ".SH DESCRIPTION"
    use, _, conventions = paragraphs.partition("\nResults ")
    yield escape(" ".join(use.split()))
    for entry in re.split(r"\n(?=[A-Z][a-z]+ )", "Results " + conventions):
        word, _, rest = entry.strip().partition(" ")
        yield f".TP\n.B {word}"
        for part in re.split(r"\n\s*(?=\[\w+\] )", rest):
            yield escape(" ".join(part.split())) + ("\n.br" if "[" in part else "")
    for title, pattern in (("FUNCTIONS", r"((?:^//[^\n]*\n)+)^((?:[\w ]+\*? ?)janus_rs_\w+\([^;]*\));"),
                           ("TYPES", r"((?:^//[^\n]*\n)+)^(typedef (?:struct|enum) \w+ \{.*?^\} \w+);")):
        yield f".SH {title}"
        for comment, declaration in re.findall(pattern, header, flags=re.M | re.S):
            text = " ".join(line.strip("/ ") for line in comment.splitlines())
            if title == "FUNCTIONS":
                declaration = " ".join(declaration.split())
                yield f".TP\n.B {escape(declaration)};\n{escape(text)}"
            else:
                yield f".PP\n{escape(text)}\n.PP\n.nf\n{escape(declaration)};\n.fi"
    yield ".SH SEE ALSO\n.I docs/embedding.md\nof the sources, and the programs in\n.I examples/embedding"
    assert name.startswith("libjanus_rs"), name


if __name__ == "__main__":
    print("\n".join(page(Path(sys.argv[1]).read_text(), sys.argv[2])))
