"""A folder with all that the documentation's command lines presume: a model, photos, a checkpoint, a ring."""

import gzip
import http.server
import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import threading
from array import array

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.path.dirname(os.path.dirname(HERE))
PICTURES = os.path.join(CHECKOUT, "tests/engine/fixtures/pictures")

# Shadowed by stand_in.py on the PATH of the commands.
STAND_INS = """apt apt-get c++ chmod compute-sanitizer cmake cp curl docker ffmpeg fuser git grep gst-launch-1.0 hf
    huggingface-cli install jetson_clocks journalctl jq make ncu nvpmodel pip ping pkg-config python3 rpicam-vid scp ssh sudo sudoedit systemctl
    taskset ufw unzip usermod wget""".split()

CLASSES, PICTURE_COUNT, NODE_COUNT = 1000, 8, 3


def write_checkpoint(folder, classes, channels, side, patch, dim=192, depth=12):
    """A DeiT-Tiny with timm's tensor names, for small pictures, and the config beside it."""
    tensors = {
        "cls_token": [1, 1, dim],
        "pos_embed": [1, (side // patch) ** 2 + 1, dim],
        "patch_embed.proj.weight": [dim, channels, patch, patch],
        "patch_embed.proj.bias": [dim],
        "norm.weight": [dim],
        "norm.bias": [dim],
        "head.weight": [classes, dim],
        "head.bias": [classes],
    }
    layers = {"norm1": [dim], "attn.qkv": [3 * dim, dim], "attn.proj": [dim, dim], "norm2": [dim]}
    layers |= {"mlp.fc1": [4 * dim, dim], "mlp.fc2": [dim, 4 * dim]}
    for block in range(depth):
        for name, shape in layers.items():
            tensors[f"blocks.{block}.{name}.weight"] = shape
            tensors[f"blocks.{block}.{name}.bias"] = shape[:1]
    random = array("f")
    state = 1
    for _ in range(10007):
        state = (state * 1664525 + 1013904223) % 2**32
        random.append(0.1 * (state / 2**32 - 0.5))
    header, values = {}, array("f")
    for name, shape in tensors.items():
        begin, count = 4 * len(values), 1
        for size in shape:
            count *= size
        values.extend((random * (count // len(random) + 1))[:count])
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, 4 * len(values)]}
    text = json.dumps(header).encode()
    os.makedirs(folder)
    with open(f"{folder}/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + values.tobytes())
    config = {
        "architecture": "deit_tiny_patch16_224",
        "num_classes": classes,
        "model_args": {"num_heads": 3, "img_size": [side, side]},
        "pretrained_cfg": {
            "input_size": [channels, side, side],
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "mean": [0.5] * channels,
            "std": [0.25] * channels,
        },
    }
    with open(f"{folder}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def write_idx(path, count, side):
    """Pictures and, beside them, their labels, as Fashion-MNIST's test images."""
    pixels = bytes((i * 2654435761 >> 7) % 256 for i in range(count * side * side))
    with gzip.open(f"{path}-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">IIII", 0x803, count, side, side) + pixels)
    with gzip.open(f"{path}-labels-idx1-ubyte.gz", "wb") as file:
        file.write(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))


class Snapshot(http.server.BaseHTTPRequestHandler):
    """A network camera that answers every address with a JPEG."""

    def do_GET(self):
        with open(f"{PICTURES}/baseline.jpg", "rb") as file:
            body = file.read()
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Sandbox:
    def __init__(self, root, programs):
        self.root, self.nodes, self.copies = root, [], itertools.count()
        self.install(programs)
        self.bin = f"{root}/bin"
        os.makedirs(self.bin)
        # With the path of this Python, as python3 is one of the names.
        with open(f"{HERE}/stand_in.py", encoding="utf-8") as file:
            code = file.read()
        with open(f"{self.bin}/stand_in", "w", encoding="utf-8") as file:
            file.write(f"#!{sys.executable}\n{code}")
        os.chmod(f"{self.bin}/stand_in", 0o755)
        for name in STAND_INS:
            os.symlink("stand_in", f"{self.bin}/{name}")
        os.makedirs(f"{root}/home")
        self.environment = {
            "PATH": f"{root}/prefix/bin:{self.bin}:/usr/bin:/bin",
            "HOME": f"{root}/home",
            "USER": "user",
            "LC_ALL": "C.UTF-8",
            "CHECKOUT": CHECKOUT,
            "PICTURE": f"{PICTURES}/baseline.jpg",
        }
        self.camera = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Snapshot)
        threading.Thread(target=self.camera.serve_forever, daemon=True).start()
        self.template = f"{root}/template"
        os.makedirs(self.template)
        self.fill_template()
        self.start_nodes()
        self.write_rings()

    def install(self, programs):
        """Both programs with the demo's data, as `cmake --install` lays them out; small data."""
        os.makedirs(f"{self.root}/prefix/bin")
        for name, path in programs.items():
            shutil.copy2(path, f"{self.root}/prefix/bin/{name}")
        write_checkpoint(f"{self.root}/grey", classes=10, channels=1, side=28, patch=14)
        data = f"{self.root}/prefix/share/quantring"
        os.makedirs(data)
        write_idx(f"{data}/t10k", PICTURE_COUNT, 28)

    def weights(self, *words):
        program = f"{self.root}/prefix/bin/quantring-weights"
        subprocess.run([program, *words], cwd=self.template, check=True, capture_output=True)

    def fill_template(self):
        there = self.template
        for name in ("packaging", "tests", "docs", ".ci", "Makefile", "CMakePresets.json"):
            os.symlink(f"{CHECKOUT}/{name}", f"{there}/{name}")
        checkpoint = "deit_tiny_patch16_224.fb_in1k"
        write_checkpoint(f"{there}/{checkpoint}", CLASSES, channels=3, side=32, patch=16)
        with open(f"{there}/imagenet_classes.txt", "w", encoding="utf-8") as file:
            file.writelines(f"class {i}\n" for i in range(CLASSES))
        self.weights("convert", checkpoint, "-o", "model.safetensors", "--labels", "imagenet_classes.txt")
        for name in ("deit_tiny", "vit_base", "a", "b", "MODEL"):
            suffix = "" if name == "MODEL" else ".safetensors"
            os.link(f"{there}/model.safetensors", f"{there}/{name}{suffix}")
        self.weights("shard", "model.safetensors", "--layers", "0-4", "-o", "part0.safetensors")
        os.makedirs(f"{there}/models")
        self.weights("convert", f"{self.root}/grey", "-o", "models/fashion_mnist_vit.safetensors")
        data = f"{self.root}/prefix/share/quantring"
        os.link(f"{there}/models/fashion_mnist_vit.safetensors", f"{data}/fashion_mnist_vit.safetensors")
        for kind in ("images-idx3", "labels-idx1"):
            os.link(f"{data}/t10k-{kind}-ubyte.gz", f"{there}/t10k-{kind}-ubyte.gz")
        os.symlink(checkpoint, f"{there}/CHECKPOINT")
        for photos in ("photos", "imagenet500"):
            os.makedirs(f"{there}/{photos}")
            with open(f"{there}/{photos}.csv", "w", encoding="utf-8") as labels:
                labels.write("file,class_index\n")
                for i in range(PICTURE_COUNT):
                    shutil.copy2(f"{PICTURES}/baseline.jpg", f"{there}/{photos}/{i}.jpg")
                    labels.write(f"{i}.jpg,{i}\n")
        shutil.copy2(f"{PICTURES}/baseline.jpg", f"{there}/photo.jpg")
        os.symlink("photos", f"{there}/SOURCE")
        os.symlink("photos.csv", f"{there}/CSV")
        with open(f"{there}/street.mp4", "wb") as file:
            file.write(b"\0")
        # Built programs, under every name of a build folder.
        for folder in ("release", "cuda", "jetson", "package/amd64", "package/arm64"):
            os.makedirs(f"{there}/build/{folder}")
            for name in ("quantring", "quantring-weights"):
                os.symlink(f"{self.root}/prefix/bin/{name}", f"{there}/build/{folder}/{name}")
        # Copied by hand to the devices; a command that replaces model.safetensors leaves it alone.
        os.makedirs(f"{self.root}/var/lib/quantring")
        shutil.copy2(f"{there}/model.safetensors", f"{self.root}/var/lib/quantring/model.safetensors")

    def start_nodes(self):
        model = f"{self.root}/var/lib/quantring/model.safetensors"
        command = [f"{self.root}/prefix/bin/quantring", "node", "--model", model, "--quiet"]
        command += ["--device", "cpu", "--threads", "1", "--listen", "127.0.0.1:0"]
        for _ in range(NODE_COUNT):
            self.nodes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        ports = [re.search(r"port (\d+)", node.stdout.readline())[1] for node in self.nodes]
        self.addresses = [f"127.0.0.1:{port}" for port in ports]

    def write_rings(self):
        """The README's ring file and the package's example, with this machine's addresses."""
        with open(f"{CHECKOUT}/README.md", encoding="utf-8") as file:
            readme = re.search(r"```toml\n(.*?)```", file.read(), re.DOTALL)[1]
        with open(f"{CHECKOUT}/packaging/deb/ring.toml", encoding="utf-8") as file:
            example = file.read()
        os.makedirs(f"{self.root}/etc/quantring")
        for path, text in (
            (f"{self.template}/ring.toml", readme),
            (f"{self.root}/etc/quantring/ring.toml", example),
        ):
            addresses = iter(self.addresses)
            text = re.sub(r"^address = .*", lambda _: f'address = "{next(addresses)}"', text, flags=re.MULTILINE)
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.here(text))

    def here(self, text):
        """With this machine's folders and camera for those that only root or a network has."""
        for folder in ("/etc/quantring/", "/var/lib/quantring/"):
            text = text.replace(folder, self.root + folder)
        text = text.replace("/usr/share/datasets/fashion-mnist/", f"{self.root}/prefix/share/quantring/")
        return text.replace("http://10.0.0.20/", f"http://127.0.0.1:{self.camera.server_port}/")

    def copy(self):
        """A fresh copy of the template: no command sees what another one left."""
        folder = f"{self.root}/run{next(self.copies)}"
        shutil.copytree(self.template, folder, symlinks=True, copy_function=os.link)
        return folder

    def close(self):
        for node in self.nodes:
            node.terminate()
        for node in self.nodes:
            node.wait()
        self.camera.shutdown()
