#!/usr/bin/env python3
"""The README's command lines with slow links and a codec are faster than the same with raw32.

Usage: check_gain.py QUANTRING. Skipped without the pictures that they name (package dataset-fashion-mnist).
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import command_lines
from sandbox import CHECKOUT

LEAST_GAIN = 1.5  # a free machine shows 3 to 5
ATTEMPTS = 3  # of which one must show it: other processes may take the cores


def images_per_s(program, words):
    with tempfile.TemporaryDirectory() as folder:
        command = [program, *words, "--limit", "100", "--quiet", "--report-json", f"{folder}/report.json"]
        subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
        with open(f"{folder}/report.json", encoding="utf-8") as report:
            return json.load(report)["images_per_s"]


def main():
    readme = command_lines.of_markdown(f"{CHECKOUT}/README.md", "README.md", {"quantring"})
    shown = [line for line in readme if "--link-mbps" in line.text and "--codec" in line.text]
    if not shown:
        sys.exit("error: README.md shows no coded slow link")
    for line in shown:
        text = re.sub(r"\\\n|--limit \d+", " ", line.text)
        words = text.split()[1:]
        if not os.path.exists(f"{CHECKOUT}/{words[1]}") and not os.path.exists(words[1]):
            print(f"SKIPPED: {words[1]} is not installed")
            continue
        uncoded = re.sub(r"--codec \S+( --bits \d+)?", "--codec raw32", " ".join(words)).split()
        for _ in range(ATTEMPTS):
            rates = images_per_s(sys.argv[1], uncoded), images_per_s(sys.argv[1], words)
            print(f"{line.place}: {rates[0]:.1f} images/s with raw32, {rates[1]:.1f} as shown")
            if rates[1] > LEAST_GAIN * rates[0]:
                break
        else:
            sys.exit(f"error: {line.place}: no gain over raw32: {line.text}")


main()
