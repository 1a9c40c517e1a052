"""Stands in for every program other than QuantRing's when the documentation's commands are run: those
need root, a network, hardware or minutes. It checks what can be checked without: targets of make, presets,
services, files of the package and of the sources. CHECKOUT and PICTURE are in the environment."""

import json
import os
import re
import shutil
import sys
import time

checkout = os.environ["CHECKOUT"]
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]


def fail(text):
    sys.exit(f"error: {name}: {text}")


def text_of(path):
    with open(os.path.join(checkout, path), encoding="utf-8") as file:
        return file.read()


def need(path, folders=("",)):
    if not any(os.path.exists(os.path.join(checkout, folder, path)) for folder in folders):
        fail(f"{path} is not in {' or '.join(folders) or 'the sources'}")


def plain():
    return [word for word in words if not word.startswith("-") and "=" not in word]


def check_make():
    for target in plain():
        if not re.search(rf"^{re.escape(target)}:", text_of("Makefile"), re.MULTILINE):
            fail(f"no target {target}")
    for word in words:
        if word.startswith("FUZZ_TARGETS="):
            for target in word.partition("=")[2].split():
                need(f"tests/fuzz/{target}.cpp")


def check_cmake():
    known = {each["name"] for each in json.loads(text_of("CMakePresets.json"))["configurePresets"]}
    for word, following in zip(words, words[1:]):
        if word == "--preset" and following not in known:
            fail(f"no preset {following}")


def check_services():
    for word in plain()[1 if name == "systemctl" else 0 :]:
        if word.startswith("quantring"):
            need(f"packaging/systemd/{word}.service")


def check_installed():
    """install, cp: sources from the package's examples or from the checkout."""
    for word in plain()[:-1]:
        if word.startswith("/usr/share/doc/quantring/examples/"):
            need(os.path.basename(word), ("packaging/deb", "packaging/systemd"))
        elif word.startswith("packaging/"):
            need(word)


def check_script():
    """python3 SCRIPT: the script is there and knows the options."""
    script, options = words[0], [word for word in words[1:] if word.startswith("--")]
    if script.startswith("-"):
        return
    need(script)
    for option in options:
        if f'"{option}"' not in text_of(script):
            fail(f"{script} has no option {option}")


def show_pictures():
    """ffmpeg, gst-launch-1.0, curl, ...: JPEGs one after the other, of a network camera without end."""
    if name == "curl" and any(word.startswith("-") and "o" in word.lower() for word in words):
        return  # to a file
    with open(os.environ["PICTURE"], "rb") as file:
        picture = file.read()
    gstreamer = name == "gst-launch-1.0"
    live = gstreamer or any(word.startswith("rtsp:") for word in words)
    # QuantRing reads GStreamer's pictures from a descriptor of their own.
    with open(3 if gstreamer else 1, "wb", buffering=0) as out:
        out.write(picture if name == "curl" else picture * 3)
        while live:
            time.sleep(0.2)
            out.write(picture)


def run_rest(first):
    if len(words) > first:
        program = shutil.which(words[first]) or fail(f"{words[first]} is not known here")
        os.execv(program, words[first:])


def main():
    checks = {
        "make": check_make,
        "cmake": check_cmake,
        "git": lambda: os.makedirs(words[-1], exist_ok=True),
        "systemctl": check_services,
        "journalctl": check_services,
        "install": check_installed,
        "cp": check_installed,
        "python3": check_script,
        "ffmpeg": show_pictures,
        "curl": show_pictures,
        "rpicam-vid": show_pictures,
        "gst-launch-1.0": show_pictures,
        "sudo": lambda: run_rest(0),
        "jq": lambda: json.load(sys.stdin),
        "compute-sanitizer": lambda: run_rest(2),
    }
    checks.get(name, lambda: None)()


main()
