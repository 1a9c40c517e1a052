"""The command lines that the documentation shows: of Markdown, man pages and the programs' --help."""

import re
import subprocess
from typing import NamedTuple


class CommandLine(NamedTuple):
    place: str  # FILE:LINE
    text: str
    inline: bool = False  # a span of code in a sentence, perhaps only a name


def complete(text):
    """Whether a shell would not wait for more lines."""
    if text.endswith("\\"):
        return False
    checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True)
    return "unexpected end of file" not in checked.stderr


def joined(numbered, place):
    """Command lines of a block of (number, line): without comments, with continuation lines."""
    begin, pending = 0, ""
    for number, line in numbered:
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        if not pending:
            begin = number
        pending = f"{pending}\n{line}" if pending else line.strip()
        if complete(pending):
            yield CommandLine(f"{place}:{begin}", pending)
            pending = ""
    if pending:
        yield CommandLine(f"{place}:{begin}", pending)


def of_markdown(path, place, programs):
    """Blocks marked sh, indented blocks and spans of code that begin with one of the programs."""
    prose, block, kind = [], [], None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines, 1):
        fence = re.match(r"\s*```(\w*)", line)
        if fence:
            if kind in ("sh", "bash", "shell", "console"):
                yield from joined(block, place)
            kind, block = (fence[1] or "text", []) if kind is None else (None, [])
            prose.append("")
        elif kind is not None:
            block.append((number, line))
            prose.append("")
        elif line.startswith("    "):
            words = line.split()
            if words and words[0] in programs:
                yield from joined([(number, line)], place)
            prose.append("")
        else:
            prose.append(line)
    text = "\n".join(prose)
    # A span may go on in the next line, but not in another paragraph or row.
    for span in re.finditer(r"`((?:[^`\n]|\n(?![\n|]))+)`", text):
        command = " ".join(span[1].split())
        # The tables of WEIGHTS.md leave the program's name out.
        if re.match(r"convert \S+ ", command):
            command = "quantring-weights " + command
        words = command.split(" ")
        if len(words) > 1 and words[0].split("/")[-1] in programs:
            number = text.count("\n", 0, span.start()) + 1
            yield CommandLine(f"{place}:{number}", command, inline=True)


def of_man_page(path, place):
    """Displayed blocks of the section EXAMPLES."""
    examples, block = False, None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if line.startswith(".Sh"):
                examples = line == ".Sh EXAMPLES"
            elif line.startswith(".Bd") and examples:
                block = []
            elif line == ".Ed" and block is not None:
                yield from joined(block, place)
                block = None
            elif block is not None:
                block.append((number, line))


def of_help(text, place):
    """What follows "Examples:" in the output of --help."""
    block = None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() == "Examples:":
            block = []
        elif block is not None:
            block.append((number, line))
    yield from joined(block or [], place)


def options_in_help(text):
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))


def commands_in_help(text):
    part = text.partition("\nSubcommands:\n")[2]
    return re.findall(r"^  (\S+)", part, re.MULTILINE)
