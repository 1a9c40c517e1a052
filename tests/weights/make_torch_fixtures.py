"""Writes fixtures/torch: small checkpoints of PyTorch, and their expected values.

Needs torch, numpy and safetensors. The tensors of NAME.pth are "NAME/..." in expected.safetensors
(f32, row-major); with several dictionaries, "NAME/PART/...".
"""

import argparse
import collections
import pathlib

import numpy
import safetensors.torch
import torch

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "torch"
expected = {}


def numbers(*shape, start=0.0):
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 0.37 + start).sin() * 3).reshape(shape)


def expect(name, tensors):
    for key, tensor in tensors.items():
        expected[f"{name}/{key}"] = tensor.detach().float().contiguous().clone()


def save(name, value, **options):
    torch.save(value, FOLDER / f"{name}.pth", **options)


def state(start):
    return collections.OrderedDict(weight=numbers(3, 4, start=start), bias=numbers(3, start=start + 1),
                                   head=numbers(2, 3, start=start + 2))


def kinds():
    """Element types and kinds of views."""
    base = numbers(4, 6)
    flat = numbers(40, start=5)
    tensors = {
        "f32": base,
        "f16": numbers(5, start=1).half(),
        "bf16": numbers(2, 3, start=2).bfloat16(),
        "f64": numbers(2, 2, start=3).double() / 3,
        "transposed": base.t(),
        "column": base[:, 2],
        "steps": base[1::2, ::3],
        "expanded": numbers(1, 3, start=4).expand(4, 3),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 7),
        "first": flat[:12].reshape(3, 4),
        "second": flat[12:36].reshape(2, 3, 4),
        "permuted": flat[4:28].reshape(2, 3, 4).permute(2, 0, 1),
        "permuted_f16": numbers(2, 3, 4, start=6).half().permute(1, 2, 0),
        "parameter": torch.nn.Parameter(numbers(3, 2, start=7)),
    }
    tensors["many"] = numbers(1, 30, start=8).half().expand(150, 30)  # more than one buffer when gathered
    tensors["tied"] = tensors["f32"]
    attribute = numbers(2, 2, start=9)
    attribute.note = "its own attribute makes torch write it in another way"
    tensors["with_attribute"] = attribute
    parameter = torch.nn.Parameter(numbers(2, 2, start=10))
    parameter.note = 1
    tensors["parameter_with_state"] = parameter
    expect("kinds", tensors)
    others = {"count": torch.tensor(7), "mask": torch.tensor([True, False]), "small": torch.arange(3, dtype=torch.uint8),
              "newer": torch.tensor([1, 2], dtype=torch.uint16), "epoch": 3, "name": "none", "nothing": None,
              "rate": 0.1, "large": 1 << 40, "huge": 1 << 80, "negative": -5, "nested": {"x": [1, (2, 3)]}, 7: "seven"}
    save("kinds", {**tensors, **others})


def module_state():
    """An OrderedDict with _metadata, every protocol."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3), torch.nn.Linear(3, 2))
    for protocol in (1, 2, 3, 4, 5):
        save(f"protocol{protocol}", module.state_dict(), pickle_protocol=protocol)
        expect(f"protocol{protocol}", module.state_dict())


def training():
    """A training script's checkpoint: options, optimizer, counters beside the weights."""
    module = torch.nn.Linear(4, 3)
    optimizer = torch.optim.AdamW(module.parameters())
    module(numbers(2, 4)).sum().backward()
    optimizer.step()
    weights = state(1)
    options = argparse.Namespace(lr=1e-3, output=pathlib.PurePosixPath("out"), epochs=3, names=["a", "b"],
                                 betas=(0.9, 0.99), device=torch.device("cpu"), dtype=torch.float32, tags={"x", "y"})
    averages = collections.defaultdict(dict)
    averages["loss"]["mean"] = numpy.float64(0.25)
    save("training", {"model": weights, "optimizer": optimizer.state_dict(), "epoch": 3, "args": options,
                      "best": torch.tensor(81.2), "center": numbers(1, 5), "meters": averages,
                      "accuracy": numpy.float32(0.5), "history": numpy.arange(3.0), "shape": torch.Size([1, 2]),
                      "rng_state": torch.get_rng_state()[:8].clone(), "blob": b"\x00\xff"})
    expect("training", weights)


def several():
    student, teacher = state(2), {"backbone": state(3), "step": 1}
    save("several", {"student": student, "teacher": teacher, "epoch": 1, "optimizer": {"state": {0: student}}})
    expect("several/student", student)
    expect("several/teacher.backbone", teacher["backbone"])


def refused():
    save("module", torch.nn.Linear(2, 2))
    save("sparse", {"a": torch.eye(2).to_sparse()})
    save("tensor", numbers(2, 2))
    save("none", {"epoch": 3})
    save("negated", {"a": torch.complex(numbers(2), numbers(2)).conj().imag})
    torch.jit.script(torch.nn.Linear(2, 2)).save(FOLDER / "script.pth")


FOLDER.mkdir(parents=True, exist_ok=True)
for make in (kinds, module_state, training, several, refused):
    make()
(FOLDER / "expected.safetensors").write_bytes(safetensors.torch.save(expected))
