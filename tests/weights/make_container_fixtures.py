#!/usr/bin/env python3
"""Makes fixtures/containers: tiny files of NumPy, zipfile, PyTorch, huggingface_hub and others.

Needs numpy, ml_dtypes, torch, safetensors, huggingface_hub, h5py, msgpack, onnx. Run it in this folder. Element i of
every array, row by row, is (7 i mod 23 - 11) / 4, which is exact in every float type; the tests compute it too.
"""

import io
import pathlib
import pickle
import zipfile

import h5py
import ml_dtypes
import msgpack
import numpy as np
import onnx
import torch
from huggingface_hub import save_torch_state_dict

folder = pathlib.Path("fixtures/containers")


def values(*shape, dtype=np.float32):
    return ((np.arange(np.prod(shape)) * 7 % 23 - 11) / 4).reshape(shape).astype(dtype)


arrays = {
    "f32": values(2, 3, 4),
    "f16": values(5, dtype=np.float16),
    "f64": values(3, 2, dtype=np.float64),
    "bf16": values(2, 5, dtype=ml_dtypes.bfloat16),
    "params/Dense_0/kernel": values(4, 6),
    "scalar": values(1).reshape(()),
    "none": values(0, 7),
    "columns": np.asfortranarray(values(3, 5)),
    "columns3": np.asfortranarray(values(2, 3, 4, dtype=np.float16)),
    "step": np.array([3], dtype=np.int64),
    "flag": np.array([True, False]),
}


class OneWay(io.RawIOBase):
    """A file without seek: zipfile then writes sizes and CRC behind the data."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def main():
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "deflated.npz", **arrays)
    with OneWay(folder / "streamed.npz") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"a comment"
        archive.writestr("params/", b"")
        for name in ("f32", "f16"):
            with archive.open(f"params/{name}.npy", "w", force_zip64=True) as entry:
                np.save(entry, arrays[name])

    np.savez(folder / "big_endian.npz", weight=values(2, 3, dtype=">f4"))
    np.savez(folder / "objects.npz", weight=np.array([{"a": 1}, None], dtype=object))
    np.savez(folder / "strings.npz", weight=np.array(["cat", "dog"]))
    np.savez(folder / "records.npz", weight=np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))

    tensors = {f"blocks.{i}.weight": torch.from_numpy(values(8, 16)) for i in range(3)}
    tensors["head.bias"] = torch.from_numpy(values(4)).to(torch.bfloat16)
    for kind in (True, False):
        target = folder / ("sharded_safetensors" if kind else "sharded_bin")
        target.mkdir(exist_ok=True)
        save_torch_state_dict(tensors, target, max_shard_size=600, safe_serialization=kind)
    other = folder / "foreign"
    other.mkdir(exist_ok=True)
    with h5py.File(other / "keras.h5", "w") as file:
        file["weight"] = values(3)
    (other / "flax.msgpack").write_bytes(msgpack.packb({"params": {"kernel": values(3).tobytes()}}))
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", value[:1], value[1:])), other / "model.onnx")
    (other / "plain.pkl").write_bytes(pickle.dumps({"weight": 1}))
    torch.save(tensors["head.bias"], other / "before_1_6.pth", _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.from_numpy(values(3, 4))}, folder / "torch.pth")


if __name__ == "__main__":
    main()
