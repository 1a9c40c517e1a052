#!/usr/bin/env python3
"""Runs every command line of README.md, docs/*.md, the man pages and --help as it is printed there.

In a folder with what they presume (sandbox.py). Programs other than QuantRing's are stood in for
(stand_in.py). Usage: check_commands.py QUANTRING QUANTRING_WEIGHTS [TEXT], the last for lines with TEXT only.
"""

import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import command_lines
from sandbox import CHECKOUT, STAND_INS, Sandbox

TIME_LIMIT = 60  # seconds for one command line
PROGRAMS = {"quantring", "quantring-weights"}

# Instead of what is printed: an abbreviation that the text explains, a number that the reader chooses, a
# model that takes too long here.
REPLACED = (
    (r"(?<= )IN(?= )", "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"),
    (r"(?<= )N\b", "2"),
    (r"--model-shape vit_(base|large)", "--model-shape deit_tiny"),
)

# What may end otherwise than with 0 on a machine without the hardware: the error must say that.
HARDWARE = (
    (r"--device cuda|--precision f16|quantring compare", r"CUDA|NVIDIA|GPU|f32 only"),
    (r"camera (v4l2://)?/dev/video\d", r"/dev/video\d"),
    (r"camera csi://\d", r"needs NVIDIA's elements"),
    (r"--listen 10\.0\.0\.", r"cannot assign requested address"),
    (r"quantring doctor", r"(?m)^ *(problem|warning) "),
)

# Until it is stopped: what it prints when it works.
SERVES = (
    (r"quantring node ", r"listening on port"),
    (r"quantring camera (csi|rtsp|http)", r"\S"),
)


class Checker:
    def __init__(self, sandbox):
        self.sandbox, self.failures, self.helps = sandbox, [], {}

    def start(self, text, **options):
        return subprocess.Popen(
            ["bash", "-c", text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self.sandbox.environment,
            text=True,
            errors="replace",
            start_new_session=True,
            **options,
        )

    def run(self, text):
        """Exit status and all output; 124 if it takes too long."""
        process = self.start(text, stderr=subprocess.STDOUT, cwd=self.sandbox.copy())
        try:
            output = process.communicate(timeout=TIME_LIMIT)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return 124, process.communicate()[0] + f"\n(not done after {TIME_LIMIT} s)"
        return process.returncode, output

    def serve(self, text, sign):
        """Stopped with Ctrl-C once the sign is on standard output."""
        folder = self.sandbox.copy()
        with open(f"{folder}/stderr", "w+", errors="replace") as errors:
            process = self.start(text, stderr=errors, cwd=folder)
            output = ""
            for line in process.stdout:
                output += line
                if re.search(sign, line):
                    os.killpg(process.pid, signal.SIGINT)
                    break
            output += process.communicate(timeout=TIME_LIMIT)[0]
            errors.seek(0)
            return process.returncode, output + errors.read()

    def help(self, program, command=""):
        key = f"{program} {command}".strip()
        if key not in self.helps:
            status, output = self.run(f"{key} --help")
            self.helps[key] = output if status == 0 else ""
        return self.helps[key]

    def check_names(self, words):
        """Of a span that is not a whole command line: the command and its options exist."""
        program = words[0].split("/")[-1]
        if program not in PROGRAMS:
            return None
        command = "" if words[1].startswith("-") else words[1]
        text = self.help(program, command)
        if not text:
            return f"{program} has no command {command}"
        missing = [w for w in words if w.startswith("--") and w not in command_lines.options_in_help(text)]
        return f"no option {', '.join(missing)}" if missing else None

    def check(self, line):
        """None, or what is wrong."""
        words = line.text.split()
        if " ... " in line.text and line.inline:
            return None  # a part of a command line
        if re.match(r"(tests|packaging|\.ci)/", words[0]):
            return None if os.access(f"{CHECKOUT}/{words[0]}", os.X_OK) else "there is no such program"
        built = re.search(r"build/\w+/tests/(\w+)", line.text)
        if built:
            return self.check_test_program(built[1])
        # "--report-json FILE" stands for any file.
        takes_value = any(a[0] == "-" and b[0] != "-" and b != "FILE" for a, b in zip(words, words[1:]))
        if line.inline and words[0].split("/")[-1] in PROGRAMS and not takes_value:
            return self.check_names(words)
        text = self.sandbox.here(line.text)
        for pattern, replacement in REPLACED:
            text = re.sub(pattern, replacement, text)
        for pattern, sign in SERVES:
            if re.search(pattern, text):
                status, output = self.serve(text, sign)
                break
        else:
            status, output = self.run(text)
        return None if self.accepted(text, status, output) else f"exit status {status}\n{output.rstrip()}"

    def accepted(self, text, status, output):
        if status == 0:
            return True
        if status == 1 and "address already in use" in output:
            return True  # a port that the text names is taken on this machine
        if re.match(r"quantring-weights ", text):
            # Of a checkpoint that is not here the options are checked, and that it is looked for.
            files = [word for word in text.split()[2:] if not os.path.exists(f"{self.sandbox.template}/{word}")]
            if any(f"'{file.rstrip('/')}" in output for file in files if not file.startswith("-")):
                return True
        return any(re.search(pattern, text) and re.search(why, output) for pattern, why in HARDWARE)

    def check_test_program(self, name):
        for folder, _, files in os.walk(f"{CHECKOUT}/tests"):
            for file in files:
                if file == "CMakeLists.txt":
                    with open(f"{folder}/{file}", encoding="utf-8") as text:
                        # Some names are made in a loop over what follows "test_".
                        if re.search(rf"\b({name}|{name.removeprefix('test_')})\b", text.read()):
                            return None
        return f"no program {name} is built"

    def helped_lines(self):
        for program in sorted(PROGRAMS):
            for command in command_lines.commands_in_help(self.help(program)):
                place = f"{program} {command} --help"
                yield from command_lines.of_help(self.help(program, command), place)


def documented_lines():
    programs = PROGRAMS | set(STAND_INS)
    for path in ["README.md"] + sorted(glob.glob("docs/*.md", root_dir=CHECKOUT)):
        yield from command_lines.of_markdown(f"{CHECKOUT}/{path}", path, programs)
    for path in sorted(glob.glob("packaging/man/*.1", root_dir=CHECKOUT)):
        yield from command_lines.of_man_page(f"{CHECKOUT}/{path}", path)


def without_comment(text):
    return re.sub(r"\s+# .*", "", text)


def check_all(checker, lines):
    """Prints what is wrong; the numbers of different command lines and of wrong places. Those that need the
    ring, whose nodes serve one head at a time, run beside the others."""
    different = {(without_comment(line.text), line.inline): line for line in lines}
    lanes = [], []
    for key, line in different.items():
        lanes["--ring" in line.text].append((key, line))
    with ThreadPoolExecutor(len(lanes)) as pool:
        results = pool.map(lambda lane: [(key, checker.check(line)) for key, line in lane], lanes)
        errors = dict(result for lane in results for result in lane)
    wrong = 0
    for line in lines:
        error = errors[without_comment(line.text), line.inline]
        if error is not None:
            wrong += 1
            print(f"{line.place}: {line.text}\n{error}\n")
    return len(different), wrong


def main():
    programs = dict(zip(("quantring", "quantring-weights"), sys.argv[1:3]))
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    with tempfile.TemporaryDirectory(prefix="quantring-docs-") as root:
        sandbox = Sandbox(root, programs)
        try:
            checker = Checker(sandbox)
            lines = [*documented_lines(), *checker.helped_lines()]
            lines = [line for line in lines if wanted in f"{line.place} {line.text}"]
            count, wrong = check_all(checker, lines)
        finally:
            sandbox.close()
    print(f"{count} different command lines, {wrong} wrong")
    if count < 50 and not wanted:
        sys.exit("error: far fewer command lines than the documentation has")
    sys.exit(1 if wrong else 0)


main()
