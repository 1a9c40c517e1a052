#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains QuantRing's Fashion-MNIST demo model, or the convnet teacher it learns from.

  train_fashion_mnist.py teacher --data DIR --out RUN --minutes 9
  train_fashion_mnist.py plain   --data DIR --out RUN --minutes 9
  train_fashion_mnist.py distill --data DIR --out RUN --minutes 9 --teacher RUN/teacher-*.safetensors

Reads the training images only: the test images are for check_fashion_mnist.py.
README.md beside this file is the model card and says what was run.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

BEGUN = time.time()  # importing torch counts: on a cold machine it takes half a minute

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import fashion_data as data
from fashion_nets import VisionTransformer, WideResNet

AUG = dict(flip=0.5, shift=2, affine=0.5, degrees=10.0, zoom=0.12, contrast=0.2,
           erase=0.4, erase_area=0.33, mixup=0.0, cutmix=0.0, alpha=1.0, mix_until=1.0)
RECIPES = {
    "teacher": dict(AUG, batch=512, lr=0.3, decay=5e-4, warm=0.05, ema=0.998, smooth=0.0, clip=0.0,
                    drop_path=0.0, affine=0.0, contrast=0.0, erase=0.5, mixup=0.5, alpha=0.4,
                    mix_until=0.95),
    "plain": dict(AUG, batch=1024, lr=1.2e-3, decay=0.08, warm=0.05, ema=0.999, smooth=0.1, clip=1.0,
                  drop_path=0.1, mixup=0.4, cutmix=0.4, mix_until=0.9),
    # The teacher sees the very pixels the student sees, so strong mixing stays consistent.
    "distill": dict(AUG, batch=1024, lr=1.2e-3, decay=0.05, warm=0.05, ema=0.999, smooth=0.0, clip=1.0,
                    drop_path=0.0, mixup=0.6, cutmix=0.2, temperature=1.5, hard=0.1,
                    teacher_flip=0),
}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("recipe", choices=RECIPES)
    p.add_argument("--data", required=True, help="folder of the IDX files")
    p.add_argument("--out", required=True, help="folder for weights and log")
    p.add_argument("--name", help="stem of the output files (default: the recipe)")
    p.add_argument("--minutes", type=float, default=9.0, help="wall-clock budget, start-up included")
    p.add_argument("--epochs", type=int, default=0, help="end after so many epochs if that is sooner")
    p.add_argument("--teacher", nargs="+", default=[], help="the teacher's weight files")
    p.add_argument("--init", help="ViT weights to start from")
    p.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="change a recipe value")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--limit", type=int, default=0, help="use only so many images (for a quick trial)")
    p.add_argument("--tiny", action="store_true", help="shrink the networks (for a quick trial)")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--no-compile", action="store_true")
    return p.parse_args()


def recipe_of(args):
    r = dict(RECIPES[args.recipe])
    for item in args.set:
        key, value = item.split("=", 1)
        if key not in r:
            raise SystemExit(f"no recipe value named {key}")
        r[key] = type(r[key])(float(value))
    return r


def make_teacher(tiny):
    return WideResNet(n=1, widen=1) if tiny else WideResNet()


def make_student(tiny, drop_path=0.0):
    return VisionTransformer(depth=2 if tiny else 12, drop_path=drop_path)


def optimizer_of(model, kind, r, fused):
    """Weight decay only on matrices and kernels."""
    yes, no = [], []
    for name, p in model.named_parameters():
        (no if p.ndim < 2 or name in ("pos_embed", "cls_token") else yes).append(p)
    groups = [dict(params=yes, weight_decay=r["decay"]), dict(params=no, weight_decay=0.0)]
    if kind == "teacher":
        return torch.optim.SGD(groups, lr=r["lr"], momentum=0.9, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, lr=r["lr"], betas=(0.9, 0.98), fused=fused)


class Average:
    """Exponential moving average of a model's weights and buffers."""

    def __init__(self, model, decay):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.pairs = [(a, b) for a, b in zip(self.model.state_dict().values(), model.state_dict().values())]
        self.steps = 0

    @torch.no_grad()
    def update(self):
        # A short memory at first, so that the random start is soon forgotten.
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        mine = [a for a, _ in self.pairs if a.is_floating_point()]
        live = [b for _, b in self.pairs if b.is_floating_point()]
        torch._foreach_lerp_(mine, live, 1 - keep)


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    hits = sum((model(data.normalize(a)).argmax(1) == b).sum() for a, b in zip(x.split(500), y.split(500)))
    return 100.0 * hits.item() / len(y)


def save(model, kind, folder, name):
    """The ViT: one file, all f16. The teacher: f16 kernels in files of about 12 MB."""
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}
    if kind != "teacher":
        save_file({k: v.half() for k, v in state.items()}, folder / f"{name}_vit_timm_f16.safetensors")
        return
    shards, room = [{}], 12_000_000
    for k, v in state.items():
        v = v.half() if v.ndim > 1 else v
        if sum(t.nbytes for t in shards[-1].values()) + v.nbytes > room:
            shards.append({})
        shards[-1][k] = v
    for i, shard in enumerate(shards):
        save_file(shard, folder / f"{name}-{i}.safetensors")


def load_into(model, files):
    state = {}
    for f in files:
        state.update(load_file(f))
    missing, extra = model.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    if extra or [k for k in missing if not k.endswith("num_batches_tracked")]:
        raise SystemExit(f"weights do not fit: missing {missing}, unknown {extra}")
    return model


class Trainer:
    def __init__(self, args, r):
        self.args, self.r, self.kind = args, r, args.recipe
        self.cuda = args.device.startswith("cuda")
        torch.manual_seed(args.seed)
        x, y = data.load(args.data, "train")
        train, val = data.split(y)
        if args.limit:
            train, val = train[: args.limit], val[: args.limit]
        self.x, self.y = x[train].to(args.device), y[train].to(args.device)
        self.vx, self.vy = x[val].to(args.device), y[val].to(args.device)
        model = make_teacher(args.tiny) if self.kind == "teacher" else make_student(args.tiny, r["drop_path"])
        if args.init:
            load_into(model, [args.init])
        layout = torch.channels_last if self.kind == "teacher" else torch.contiguous_format
        self.model = model.to(args.device, memory_format=layout)
        self.average = Average(self.model, r["ema"])
        self.optimizer = optimizer_of(self.model, self.kind, r, self.cuda)
        self.teacher = None
        if self.kind == "distill":
            teacher = load_into(make_teacher(args.tiny), args.teacher).eval().requires_grad_(False)
            self.teacher = teacher.to(args.device, memory_format=torch.channels_last)
            print(f"teacher: validation {accuracy(self.teacher, self.vx, self.vy):.2f} %", flush=True)
        self.run_model, self.run_teacher = self.model, self.teacher
        if not args.no_compile:
            self.run_model = torch.compile(self.model)
            self.run_teacher = torch.compile(self.teacher) if self.teacher else None

    def autocast(self):
        return torch.autocast("cuda" if self.cuda else "cpu", torch.bfloat16, enabled=self.cuda)

    @torch.no_grad()
    def batch(self, index, progress):
        r = self.r
        y = F.one_hot(self.y[index], data.CLASSES).float()
        y = y * (1 - r["smooth"]) + r["smooth"] / data.CLASSES
        x = data.augment(self.x[index], r)
        if progress < r["mix_until"]:
            x, y = data.mix(x, y, r)
        x = data.normalize(x)
        soft = None
        if self.teacher is not None:
            with self.autocast():
                soft = self.teach(x)
        return x, y, soft

    def teach(self, x):
        """The teacher's class shares, softened; with teacher_flip also of the mirrored image."""
        views = [x, x.flip(3)] if self.r["teacher_flip"] else [x]
        logits = [self.run_teacher(v).float() for v in views]
        return sum(F.softmax(z / self.r["temperature"], 1) for z in logits) / len(logits)

    def step(self, index, progress):
        r = self.r
        x, y, soft = self.batch(index, progress)
        self.model.train()
        with self.autocast():
            logits = self.run_model(x)
        log_p = F.log_softmax(logits.float(), 1)
        loss = -(y * log_p).sum(1).mean()
        if soft is not None:
            t = r["temperature"]
            match = F.kl_div(F.log_softmax(logits.float() / t, 1), soft, reduction="batchmean") * t * t
            loss = r["hard"] * loss + (1 - r["hard"]) * match
        loss.backward()
        if r["clip"] > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), r["clip"])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def warm_up(self):
        """Compiles before the schedule's clock starts; without a compiler, runs as it is."""
        index = torch.arange(min(self.r["batch"], len(self.y)), device=self.args.device)
        keep = copy.deepcopy(self.model.state_dict())
        for group in self.optimizer.param_groups:
            group["lr"] = 0.0
        try:
            for _ in range(3):
                self.step(index, 0.0)
        except Exception as error:  # any compiler trouble must not waste the run
            if self.args.no_compile:
                raise
            print(f"torch.compile failed, going on without: {str(error)[:500]}", flush=True)
            self.run_model, self.run_teacher = self.model, self.teacher
            self.step(index, 0.0)
        self.model.load_state_dict(keep)
        self.optimizer.state.clear()

    def rate(self, progress):
        warm = self.r["warm"]
        if progress < warm:
            return self.r["lr"] * max(progress, 1e-3) / warm
        return self.r["lr"] * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm))))

    def run(self, begun, out, name):
        """The schedule follows the share of time used, so that it always ends in time."""
        args, r = self.args, self.r
        self.warm_up()
        start, end = time.time(), begun + 60 * args.minutes - (8 if self.cuda else 2)
        print(f"ready after {start - begun:.0f} s; {end - start:.0f} s to train", flush=True)
        batch = min(r["batch"], len(self.y))
        per_epoch = len(self.y) // batch
        steps, progress, last, order, loss = 0, 0.0, start, None, None
        while progress < 1:
            if steps % per_epoch == 0:
                order = torch.randperm(len(self.y), device=args.device)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate(progress)
            at = steps % per_epoch * batch
            loss = self.step(order[at : at + batch], progress)
            self.average.update()
            steps += 1
            if steps % 10 == 0 or per_epoch < 10:
                value = loss.item()  # waits for the GPU, which keeps the clock honest
                if not math.isfinite(value):
                    raise SystemExit(f"loss is {value} at step {steps}")
                now = time.time()
                progress = (now - start) / (end - start)
                if now - last > 30:
                    last = now
                    ema, raw = (accuracy(m, self.vx, self.vy) for m in (self.average.model, self.model))
                    print(f"{now - begun:5.0f} s epoch {steps / per_epoch:6.1f} loss {value:.4f} "
                          f"validation {raw:.2f} averaged {ema:.2f}", flush=True)
                    save(self.average.model, self.kind, out, name)
            if args.epochs:
                progress = max(progress, steps / (per_epoch * args.epochs))
        save(self.average.model, self.kind, out, name)
        return steps, steps / per_epoch


def main():
    args = arguments()
    r = recipe_of(args)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    out, name = Path(args.out), args.name or args.recipe
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(args, r)
    steps, epochs = trainer.run(BEGUN, out, name)
    files = sorted(out.glob(f"{name}-[0-9]*.safetensors" if args.recipe == "teacher" else f"{name}_vit_timm_f16.safetensors"))
    fresh = make_teacher(args.tiny) if args.recipe == "teacher" else make_student(args.tiny)
    stored = load_into(fresh.to(args.device), files)
    result = dict(
        name=name, recipe=r, seed=args.seed, steps=steps, epochs=round(epochs, 1),
        seconds=round(time.time() - BEGUN), torch=torch.__version__,
        device=torch.cuda.get_device_name() if args.device.startswith("cuda") else "cpu",
        validation_raw=accuracy(trainer.model, trainer.vx, trainer.vy),
        validation_averaged=accuracy(trainer.average.model, trainer.vx, trainer.vy),
        validation_stored=accuracy(stored, trainer.vx, trainer.vy),
    )
    (out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
