#!/usr/bin/env python3
"""Writes first inputs for the fuzz targets, made from the fixtures of the tests.

Usage: make_seeds.py FOLDER. Fills FOLDER/TARGET/ in the form that each tests/fuzz/TARGET.cpp
describes. fuzz_codec, fuzz_frame and fuzz_ring need none: their inputs are short and have no syntax;
fuzz_codec_file makes its own file.
"""

import hashlib
import json
import struct
import sys
import zipfile
import zlib
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
FIXTURES = TESTS / "weights" / "fixtures"
LIMIT = 4096  # larger inputs cost speed and reach no other code


def fixtures(*patterns):
    """Name and bytes of each small fixture that one of the patterns names."""
    for pattern in patterns:
        for path in sorted(FIXTURES.glob(pattern)):
            data = path.read_bytes()
            if len(data) <= LIMIT:
                yield path.relative_to(FIXTURES).as_posix().replace("/", "_"), data


def raw_deflated(data):
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    return coder.compress(data) + coder.flush()


ARCHIVES = ("containers/*.npz", "containers/*.pth", "containers/sharded_bin/*.bin", "torch/*.pth")


def zip_seeds():
    for name, data in fixtures(*ARCHIVES):
        yield name, b"\0" + data
    yield "sound", b"\1"
    yield "patched", b"\1" + struct.pack("<HBHB", 14, 0xFF, 30, 0xFF)
    for size in (0, 5, 1000):
        data = bytes(i % 7 for i in range(size))
        yield f"deflated{size}", b"\2" + struct.pack("<H", size) + raw_deflated(data)


def npz_seeds():
    for name, data in fixtures("containers/*.npz"):
        yield name, b"\0" + data
    for path in sorted((FIXTURES / "containers").glob("*.npz")):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                array = archive.read(entry)
                if not array.startswith(b"\x93NUMPY") or len(array) > LIMIT:
                    continue
                name = f"{path.stem}_{entry.replace('/', '_')}"
                yield name + ".stored", b"\1" + array
                yield name + ".deflated", b"\2" + array
                wide = array[6] > 1  # version 2 and later: four bytes of length
                start = 12 if wide else 10
                (length,) = struct.unpack("<I" if wide else "<H", array[8:start])
                header, values = array[start : start + length], array[start + length :]
                yield name + ".header", b"\3" + header + b"\0" + values


def index_seeds():
    for name, data in fixtures("**/*.index.json"):
        yield name, b"\0" + data
    whole = ("containers/foreign/*", "containers/sharded_safetensors/*.safetensors")
    for name, data in fixtures(*ARCHIVES, *whole):
        yield name, b"\1" + data


def label_seeds():
    table = "file,class_index,class_name\na.png,1,cat\nsub/b.png,2,\"dog, hound\"\n"
    for name, text in (("plain", table), ("semicolon", table.replace(",", ";")), ("bare", "a.png 0\nb.png 2\n"),
                       ("numbers", "0,cat\n1,dog\n2,swan\n"), ("json", '{"0": "cat", "1": ["n00000001", "dog"]}')):
        for mode in (b"\0", b"\1"):
            yield f"{name}{mode[0]}", mode + text.encode()
            yield f"{name}{mode[0]}.utf16", mode + text.encode("utf-16")


def text_opcode(text):
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def state_dict_pickle(storage, count):
    """{"w": tensor of [2, 3]} in storage 0 of `count` elements, as torch.save writes it."""
    return (
        b"\x80\x02}" + text_opcode("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + text_opcode("storage") + f"ctorch\n{storage}\n".encode()
        + text_opcode("0") + text_opcode("cpu") + bytes([ord("K"), count])
        + b"tQK\0K\2K\3\x86K\3K\1\x86\x89ccollections\nOrderedDict\n)RtRs."
    )


def pickle_seeds():
    for pattern in ("torch/*", "containers/*.pth", "containers/*/*.bin", "golden/*.pth*", "golden/*/*.bin"):
        for path in sorted(FIXTURES.glob(pattern)):
            if not zipfile.is_zipfile(path):
                continue
            with zipfile.ZipFile(path) as archive:
                for entry in archive.namelist():
                    if entry.endswith("data.pkl"):
                        yield path.name, archive.read(entry)
    for storage, count in (("FloatStorage", 24), ("HalfStorage", 48), ("BFloat16Storage", 48),
                           ("DoubleStorage", 12), ("LongStorage", 12), ("ByteStorage", 96)):
        yield storage, state_dict_pickle(storage, count)


def config_seeds():
    def pair(config, processor="", shape=b"\0\x0f\0"):
        return shape + config.encode() + b"\0" + processor.encode()

    golden = FIXTURES / "golden"
    for path in sorted(golden.glob("**/*config.json")):
        beside = path.with_name("preprocessor_config.json")
        name = path.relative_to(golden).as_posix().replace("/", "_")
        yield name, pair(path.read_text(), beside.read_text() if beside.exists() else "")
    for i, line in enumerate((FIXTURES / "config" / "processors.jsonl").read_text().splitlines()):
        case = json.loads(line)
        yield f"processor{i}", pair(case["config"], case["processor"])
    for line in (FIXTURES / "config" / "timm_models.txt").read_text().splitlines():
        name = line.split()[0]
        yield name, pair(json.dumps({"architecture": name}))


def naming_seeds():
    for base in range(16):
        for wrapper in (0, 3):
            yield f"base{base}_{wrapper}", bytes([base, 0, 0, 0, wrapper])
        for kind in range(10):
            yield f"base{base}_change{kind}", bytes([base, 0, 0, 1, kind, base, 3, 1, 4, 1, 5])


ARCHITECTURE = {
    "type": "vit", "image": [2, 2], "patch": [2, 2], "channels": 1, "dim": 2, "depth": 2, "heads": 2,
    "mlp_dim": 2, "classes": 2, "class_token": True, "pooling": "class_token", "norm_after_pooling": False,
    "norm_eps": "1e-06", "activation": "gelu",
}  # fmt: skip
EVERYTHING = ARCHITECTURE | {
    "distillation_token": True, "pooling": "class_and_distillation", "registers": 3,
    "embed_norm": True, "qk_norm": True, "layer_scale": True,
}  # fmt: skip
PREPROCESS = {
    "resize": "none", "shorter": 0, "interpolation": "bicubic", "channels": 1, "crop": [2, 2],
    "mean": ["0.5"], "std": ["0.5"],
}  # fmt: skip


def model_tensors(half_blocks):
    """Name -> shape of the tensors of ARCHITECTURE in these halves of blocks (0 to 3)."""
    shapes = {}

    def layer(name, *weight):
        shapes[name + ".weight"], shapes[name + ".bias"] = list(weight), [weight[0]]

    if 0 in half_blocks:
        layer("embed.patch", 2, 1, 2, 2)
        shapes |= {"embed.prefix": [1, 2], "embed.position": [2, 2]}
    for half in half_blocks:
        block = f"blocks.{half // 2}."
        for name in ("mlp.fc1", "mlp.fc2") if half % 2 else ("attn.proj",):
            layer(block + name, 2, 2)
        if half % 2 == 0:
            layer(block + "attn.qkv", 6, 2)
        layer(block + ("norm2" if half % 2 else "norm1"), 2)
    if 3 in half_blocks:
        layer("norm", 2)
        layer("head", 2, 2)
    return shapes


def model_file(half_blocks, part=None):
    """A model file as engine/model/model_file.h describes it; every weight is 0.25 in f16."""

    def data(shape):
        count = 1
        for size in shape:
            count *= size
        return struct.pack("<e", 0.25) * count

    digests = {name: "F16 " + hashlib.sha256(data(shape)).hexdigest()
               for name, shape in model_tensors(range(4)).items()}  # fmt: skip
    texts = [json.dumps(ARCHITECTURE), json.dumps(PREPROCESS), json.dumps(digests)]
    metadata = {
        "quantring.format": "2" if part else "1",
        "quantring.architecture": texts[0],
        "quantring.preprocess": texts[1],
        "quantring.tensors": texts[2],
        "quantring.hash": hashlib.sha256("".join(t + "\n" for t in texts).encode()).hexdigest(),
        "quantring.labels": '["no", "yes"]',
    }
    if part:
        metadata["quantring.part"] = part
    header, body = {"__metadata__": metadata}, b""
    for name, shape in model_tensors(half_blocks).items():
        end = len(body) + len(data(shape))
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [len(body), end]}
        body += data(shape)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def safetensors_seeds():
    yield "whole", b"\0" + model_file(range(4))
    yield "part", b"\0" + model_file([1, 2], "0.5-1.5")
    for name, data in fixtures("containers/*/*.safetensors"):
        yield name, b"\0" + data
    for name, value in (("plain", ARCHITECTURE), ("everything", EVERYTHING)):
        yield name, b"\1" + json.dumps(value).encode()
    for resize in ({"resize": "none"}, {"resize": "shorter", "shorter": 4}, {"resize": "squash"},
                   {"resize": "squash_crop", "squash": [4, 4]}):
        yield resize["resize"], b"\2" + json.dumps(PREPROCESS | resize).encode()
    for file in range(4):  # whole or part; the header's length kept or put right
        yield f"edits{file}", b"\3" + bytes([file, 200, 1, 0, ord("1"), 40, 0, 1, ord(" ")])


def image_seeds():
    for path in sorted((TESTS / "engine" / "fixtures" / "pictures").iterdir()):
        if path.suffix != ".txt" and path.stat().st_size <= LIMIT:
            yield path.name + ".rgb", b"\4" + path.read_bytes()
            yield path.name + ".grey", b"\2" + path.read_bytes()
    yield "images.idx", b"\1" + struct.pack(">IIII", 0x803, 2, 2, 3) + bytes(range(12))
    yield "labels.idx", b"\1" + struct.pack(">II", 0x801, 3) + bytes(3)


LADDER = [("raw32", None, 100), ("raw16", 16, 99.9), ("ptq", 8, 99.2), ("ptq", 4, 81.4), ("ds-aciq", 2, 50.7)]


def ladder_seeds():
    def text(points):
        entries = [{"codec": codec, "agreement": agreement} | ({"bits": bits} if bits else {})
                   for codec, bits, agreement in points]  # fmt: skip
        return json.dumps({"ladder": entries}).encode() + b"\0"

    def observation(i, capacity):
        return struct.pack("<dHIIdBdfI", 0.1 * i, i, 8 * i, 1000 * i, 0.05 * i, 2, capacity, 90.0, 8)

    yield "ladder", text(LADDER)
    yield "one_point", text(LADDER[:1])
    yield "wrong", text([("ptq", 9, 50)])
    for policy in range(3):
        start = struct.pack("<ddBBB", 80.0, 100.0, 4, policy, 2)
        fall_and_rise = b"".join(observation(i, 1e9 if i % 20 < 10 else 1e6) for i in range(60))
        yield f"policy{policy}", text(LADDER) + start + fall_and_rise


def worker_seeds():
    link = {"policy": "ladder", "codec": "raw32", "bits": 32, "target": 60.5, "window": 50, "floor": 80,
            "ladder": {"ladder": [{"codec": "raw32", "bits": 32, "agreement": 100},
                                  {"codec": "ptq", "bits": 8, "agreement": 99}]}}  # fmt: skip
    order = {"model_hash": "abc", "range": [0, 11], "max_images": 8, "link": link}
    decision = {"frame": 312, "s": 12.5, "from": ["raw32", 32], "to": ["ptq", 8], "bps": 5e7, "need": 4e7,
                "target": 60.5, "short": False, "cause": "link fell"}  # fmt: skip
    output = {"policy": "ladder", "point": ["ptq", 8], "bps": 5e7, "filled": True, "target": 60.5,
              "decision_count": 2, "decisions": [decision, decision]}  # fmt: skip
    report = {"range": "blocks 0-5.5", "device": "cpu f32", "resident_mb": 12.5, "output": output}
    yield "order", b"\0" + json.dumps(order).encode()
    for policy in ("fixed", "quantpipe"):
        other = {"policy": policy, "codec": "ptq", "bits": 4, "target": 0, "window": 50}
        yield f"order_{policy}", b"\0" + json.dumps(order | {"link": other}).encode()
    yield "report", b"\1" + json.dumps(report).encode()
    node = {"model_hash": "abc", "part": [0, 12], "half_blocks": 24, "compute": "cuda:0 (Orin), f16",
            "host": "orin-1", "cores": 6, "memory_bytes": 8 << 30, "free_bytes": 5 << 30}  # fmt: skip
    yield "probe_order", b"\3" + json.dumps({"probe": True}).encode()
    yield "probe_report", b"\3" + json.dumps(node).encode()
    yield "instruction", b"\2" + json.dumps({"links": [[61.25, 97.9], [30, 90]]}).encode()


def http_request_seeds():
    for name, lines in {
        "page": ["GET / HTTP/1.1", "Host: jetson-0.local:8080", "Connection: keep-alive", "Accept: text/html"],
        "old": ["HEAD /metrics HTTP/1.0"],
        "absolute": ["GET http://[::1]:8080/api/status?a=b HTTP/1.1", "Host: [::1]:8080"],
        "close": ["GET /events HTTP/1.1", "Host: 10.0.0.7", "Connection: x, close", "Content-Length: 0"],
        "post": ["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"],
        "folded": ["GET / HTTP/1.1", "Host: a", " b: c", "d : e"],
    }.items():
        yield name, "".join(line + "\r\n" for line in [*lines, ""]).encode()


def jpeg_size(data):
    """Width, height and components of a baseline JPEG; None for others."""
    at = data.find(b"\xff\xc0")
    if at < 0:
        return None
    height, width, components = struct.unpack(">HHB", data[at + 5 : at + 10])
    return width, height, components


def pixels_seeds():
    for path in sorted((TESTS / "engine" / "fixtures" / "pictures").glob("*.jpg")):
        data = path.read_bytes()
        size = jpeg_size(data)
        if len(data) > LIMIT or size is None or max(size[:2]) > 64:
            continue
        width, height, components = size
        selector = 0x82 if components == 1 else 2
        yield path.name, bytes([selector, 0, height - 1, width - 1]) + data
    for quality in (1, 60):
        yield f"encode{quality}", bytes([4 * quality + 3, 0, 20, 30]) + bytes(range(256)) * 4


def mjpeg_seeds():
    for path in sorted((TESTS / "engine" / "fixtures" / "pictures").glob("*.jpg")):
        if path.stat().st_size > LIMIT:
            continue
        jpeg = path.read_bytes()
        for cut in (0, 6, 255):
            start = bytes([255, cut])  # large enough for all of them
            yield f"{path.stem}{cut}", start + b"--b\r\n\r\n" + jpeg + b"\r\n--b\r\n\r\n" + jpeg[:500]
    pictures = [(TESTS / "engine" / "fixtures" / "pictures" / name).read_bytes()
                for name in ("rgb.png", "lossy.webp", "baseline.jpg", "rgb.bmp", "rgb.ppm", "palette.gif",
                             "rgb.tga")]
    yield "mixed", b"\xff\6" + b"".join(pictures)
    yield "others", b"\xff\6" + pictures[2] + b"<html>404 Not Found, the picture has moved</html>" + pictures[2] + \
        b"\1\2 own" * 9 + pictures[2] + b"II*\0\x08\0\0\0" + pictures[3]
    yield "small", b"\2\0" + b"\xff\xd8\xff\xc0\0\3x\xff\xda\0\2x\xff\0\xff\xd0x\xff\xd9" * 3


def http_response_seeds():
    lines = ("HTTP/1.1 200 OK", "Content-Type: multipart/x-mixed-replace; boundary=b")
    bodies = {
        "plain": ("Content-Length: 5", "", "hello"),
        "chunked": ("Transfer-Encoding: chunked", "", "5;x=y", "hello", "00a", "0123456789", "0", "X: y", "", ""),
        "endless": ("", "hello"),
    }
    for name, body in bodies.items():
        yield name, b"\0\6" + "\r\n".join(("HTTP/1.1 100 Continue", "", *lines, *body)).encode()
    yield "redirect", b"\0\0HTTP/1.0 302 Found\nLocation: /other\n\n"
    for i, location in enumerate(("https://h/", "//h:81/x", "/y?a=/b", "c", "http://u:p@h/")):
        yield f"url{i}", b"\1http://u%40:p%2Fw@[::1]:8080/a/b?pwd=x&c=d#e\0" + location.encode()


SEEDS = {
    "fuzz_config": config_seeds,
    "fuzz_http_request": http_request_seeds,
    "fuzz_http_response": http_response_seeds,
    "fuzz_image": image_seeds,
    "fuzz_index": index_seeds,
    "fuzz_labels": label_seeds,
    "fuzz_ladder": ladder_seeds,
    "fuzz_mjpeg": mjpeg_seeds,
    "fuzz_pixels": pixels_seeds,
    "fuzz_naming": naming_seeds,
    "fuzz_npz": npz_seeds,
    "fuzz_pickle": pickle_seeds,
    "fuzz_safetensors": safetensors_seeds,
    "fuzz_torch_file": pickle_seeds,
    "fuzz_worker": worker_seeds,
    "fuzz_zip": zip_seeds,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, seeds in SEEDS.items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds():
            (folder / name).write_bytes(data)


main()
