"""Searches settings for two owners on one GPU: trains many runs side by side and evaluates them on validation images.

    python3 search.py FOLDER RESULTS.jsonl SECONDS CONFIGS.json

Each trial is what `fedunify run --validation 0.1` does with these settings, on the 60,000 training images and with
PyTorch's own random numbers: its figures choose settings, and say nothing of fedunify's digits. A step of both owners is
one CUDA graph, and sixteen trials run in as many streams. CONFIGS is a list of settings that differ from DEFAULTS; after
these, with time left, it varies the best of them and tries them with further seeds. The TF32 units compute. Without a
GPU it trains one step after the other, slowly, to show that it works.
"""

import contextlib
import json
import math
import os
import random
import sys
import time

os.environ["CUDA_DEVICE_MAX_CONNECTIONS"] = "32"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_baseline import read_idx  # first: it sets the threads before PyTorch is loaded

import torch
from torch.nn import functional as F

MEAN, STD, IMAGES, HELD_OUT, TOGETHER = 0.286, 0.353, 60_000, 3000, 16
LAST_ROUNDS = (3, 5, 8, 12)
DEFAULTS = {
    "env": "H", "rounds": 20, "local_epochs": 1, "batch": 64, "lr": 0.04, "momentum": 0.9, "weight_decay": 5e-4,
    "schedule": "cosine", "optimizer": "momentum", "sam": 0, "scaffold": False, "fedprox": 0, "dropout": (0, 0),
    "label_smoothing": 0, "fedrs": 1, "absent_logit_shift": 0, "server_lr": 1, "server_momentum": 0, "seed": 0,
}  # fmt: skip
SHAPES = [(32, 1, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, 3136), (128,), (10, 128), (10,)]
# What is varied, in steps from one value to the next.
LADDERS = {
    "lr": [0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15], "momentum": [0, 0.5, 0.8, 0.9, 0.95],
    "weight_decay": [0, 2e-4, 5e-4, 1e-3, 2e-3], "batch": [32, 64, 128, 256], "sam": [0, 0.02, 0.05, 0.1, 0.2],
    "dropout": [(0, 0), (0, 0.25), (0, 0.5), (0.25, 0.25), (0.25, 0.5)], "label_smoothing": [0, 0.05, 0.1],
    "server_lr": [0.8, 1, 1.2], "fedrs": [1, 0.9, 0.7, 0.5], "absent_logit_shift": [0, 0.5, 1, 2],
    "fedprox": [0, 0.01, 0.03, 0.1], "scaffold": [False, True], "local_epochs": [1, 2], "server_momentum": [0, 0.2, 0.4],
}  # fmt: skip
GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
IN_V = ["lr", "momentum", "weight_decay", "batch", "sam", "dropout", "label_smoothing", "server_lr"]

torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True


def load(folder):
    pixels = read_idx(folder, "train-images-idx3-ubyte", 16, IMAGES, 0).view(-1, 1, 28, 28).to(DEVICE)
    labels = read_idx(folder, "train-labels-idx1-ubyte", 8, IMAGES, 0).long().to(DEVICE)
    return pixels.float().div_(255).sub_(MEAN).div_(STD), labels


def forward(weights, x, dropout=(0, 0)):
    """The logits of the reference CNN."""
    w = weights
    x = F.max_pool2d(F.relu(F.conv2d(x, w[0], w[1], padding=1)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, w[2], w[3], padding=1)), 2).flatten(1)
    x = F.dropout(x, dropout[0]) if dropout[0] else x
    x = F.relu(F.linear(x, w[4], w[5]))
    x = F.dropout(x, dropout[1]) if dropout[1] else x
    return F.linear(x, w[6], w[7])


def zeros():
    return [torch.zeros(shape, device=DEVICE) for shape in SHAPES]


class Trial:
    """One run: two owners, their unified model of each round, and the graph of a step."""

    def __init__(self, config, x, y):
        self.given, self.c, self.x, self.y = config, DEFAULTS | config, x, y
        c = self.c
        generator = torch.Generator().manual_seed(1000 + c["seed"])
        order = torch.randperm(IMAGES, generator=generator).to(DEVICE)
        upper = y[order] >= 5
        halves = [order[~upper], order[upper]] if c["env"] == "H" else order.chunk(2)
        self.held_out = torch.cat([half[:HELD_OUT] for half in halves])
        self.shards = [half[HELD_OUT:] for half in halves]
        self.in_epoch = len(self.shards[0]) // c["batch"]
        self.steps = self.in_epoch * c["local_epochs"]
        self.unified, fan_in = [], 1
        for shape in SHAPES:
            fan_in = math.prod(shape[1:]) if len(shape) > 1 else fan_in
            uniform = torch.rand(shape, generator=generator) * 2 - 1
            self.unified.append((uniform / math.sqrt(fan_in)).to(DEVICE))
        self.locals = [[w.clone().requires_grad_() for w in self.unified] for _ in range(2)]
        self.shifts, self.first, self.second = ([zeros(), zeros()] for _ in range(3))
        self.server = zeros()
        classes = torch.arange(10, device=DEVICE)
        self.has = [(classes < 5).float(), (classes >= 5).float()] if c["env"] == "H" else [torch.ones_like(classes)] * 2
        self.lr, self.step_number = torch.zeros((), device=DEVICE), torch.zeros((), device=DEVICE)
        self.place = torch.zeros((), dtype=torch.long, device=DEVICE)
        self.orders = [torch.zeros(self.steps * c["batch"], dtype=torch.long, device=DEVICE) for _ in range(2)]
        self.models = []
        if GPU:
            self.stream, self.aside = torch.cuda.Stream(), torch.cuda.Stream()
            self.capture()

    def loss(self, owner, x, labels):
        c, has = self.c, self.has[owner]
        logits = forward(self.locals[owner], x, c["dropout"])
        logits = logits * (has + (1 - has) * c["fedrs"]) - c["absent_logit_shift"] * (1 - has)
        return F.cross_entropy(logits, labels, label_smoothing=c["label_smoothing"])

    def gradient(self, owner):
        """That of a batch, with all that a local objective adds to it."""
        c, weights = self.c, self.locals[owner]
        batch = self.place * c["batch"] + torch.arange(c["batch"], device=DEVICE)
        indices = self.orders[owner].index_select(0, batch)
        x, labels = self.x[indices], self.y[indices]
        g = torch.autograd.grad(self.loss(owner, x, labels), weights)
        if c["sam"]:
            norm = torch.stack(torch._foreach_norm(g)).norm()
            away = torch._foreach_mul(g, c["sam"] / (norm + 1e-12))
            with torch.no_grad():
                torch._foreach_add_(weights, away)
            g = torch.autograd.grad(self.loss(owner, x, labels), weights)
            with torch.no_grad():
                torch._foreach_sub_(weights, away)
        plain = [w.detach() for w in weights]
        g = torch._foreach_add(g, plain, alpha=c["weight_decay"])
        g = torch._foreach_sub(g, self.shifts[owner]) if c["scaffold"] else g
        return torch._foreach_add(g, torch._foreach_sub(plain, self.unified), alpha=c["fedprox"]) if c["fedprox"] else g

    def step(self, owner):
        c, m, v = self.c, self.first[owner], self.second[owner]
        g = self.gradient(owner)
        with torch.no_grad():
            if c["optimizer"] == "adam":
                torch._foreach_lerp_(m, g, 0.1)
                torch._foreach_mul_(v, 0.999)
                torch._foreach_addcmul_(v, g, g, value=0.001)
                t = self.step_number + 1
                size = torch._foreach_sqrt(v)
                torch._foreach_mul_(size, (1 - 0.999**t).rsqrt())
                torch._foreach_add_(size, 1e-8)
                change = torch._foreach_mul(torch._foreach_div(m, size), -self.lr / (1 - 0.9**t))
            else:
                torch._foreach_mul_(m, c["momentum"])
                torch._foreach_add_(m, g)
                change = torch._foreach_mul(m, -self.lr)
            torch._foreach_add_(self.locals[owner], change)

    def both(self):
        if GPU:
            here = torch.cuda.current_stream()
            self.aside.wait_stream(here)
            with torch.cuda.stream(self.aside):
                self.step(1)
            self.step(0)
            here.wait_stream(self.aside)
        else:
            self.step(0)
            self.step(1)
        self.place += 1
        self.step_number += 1

    def capture(self):
        torch.cuda.synchronize()
        with torch.cuda.stream(self.stream):
            for _ in range(2):
                self.both()
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=self.stream):
            self.both()
        torch.cuda.synchronize()

    def begin(self, round):
        c = self.c
        cosine = 0.5 * (1 + math.cos(math.pi * round / c["rounds"]))
        self.rate = c["lr"] * (cosine if c["schedule"] == "cosine" else 1)
        self.lr.fill_(self.rate)
        self.step_number.zero_()
        self.place.zero_()
        images = self.in_epoch * c["batch"]
        for owner, shard in enumerate(self.shards):
            epochs = [shard[torch.randperm(len(shard), device=DEVICE)[:images]] for _ in range(c["local_epochs"])]
            self.orders[owner].copy_(torch.cat(epochs))
            torch._foreach_zero_(self.first[owner])
            torch._foreach_zero_(self.second[owner])
            with torch.no_grad():
                torch._foreach_copy_(self.locals[owner], self.unified)

    @torch.no_grad()
    def end(self):
        c, k, rho = self.c, self.steps, self.c["momentum"]
        moved = [(a + b) / 2 - w for a, b, w in zip(*self.locals, self.unified)]
        self.server = [c["server_momentum"] * s + d for s, d in zip(self.server, moved)]
        model = [w + c["server_lr"] * s for w, s in zip(self.unified, self.server)]
        if c["scaffold"]:
            plain_steps = (k - rho * (1 - rho**k) / (1 - rho)) / (1 - rho)
            for shift, local in zip(self.shifts, self.locals):
                for h, w, y in zip(shift, model, local):
                    h.add_((w - y) / (plain_steps * self.rate))
        torch._foreach_copy_(self.unified, model)
        self.models.append(model)

    def run(self):
        """A generator that yields after each step, so that trials take turns."""
        for round in range(self.c["rounds"]):
            self.begin(round)
            for _ in range(self.steps):
                self.graph.replay() if GPU else self.both()
                yield
            self.end()

    @torch.no_grad()
    def accuracy(self, weights):
        logits = torch.cat([forward(weights, self.x[part]) for part in self.held_out.split(2000)])
        return round(100 * (logits.argmax(1) == self.y[self.held_out]).float().mean().item(), 2)

    def scores(self):
        means = {k: [torch.stack(w).mean(0) for w in zip(*self.models[-k:])] for k in LAST_ROUNDS}
        return {"avg": self.accuracy(self.models[-1])} | {f"last_{k}": self.accuracy(w) for k, w in means.items()}


def name(config):
    return json.dumps({k: v for k, v in sorted(config.items()) if k != "seed"})


def run_together(configs, data, known, results):
    trials = [Trial(config, *data) for config in configs]
    active = [(trial, trial.run()) for trial in trials]
    while active:
        left = []
        for trial, steps in active:
            with torch.cuda.stream(trial.stream) if GPU else contextlib.nullcontext():
                if next(steps, "done") is None:
                    left.append((trial, steps))
        active = left
    for trial in trials:
        scores = trial.scores()
        known.setdefault(name(trial.given), []).append(scores)
        print(json.dumps(trial.given | scores), file=results, flush=True)


def best(known, env):
    """Settings by their score, less for those with few seeds: luck shrinks with them."""
    ranked = []
    for key, scores in known.items():
        config = json.loads(key)
        if config.get("env", "H") == env:
            top = max(sum(s[series] for s in scores) for series in ("avg", "last_3", "last_5")) / len(scores)
            ranked.append((top - 0.25 / math.sqrt(len(scores)), len(scores), config))
    return [(seeds, config) for _, seeds, config in sorted(ranked, key=lambda one: -one[0])][:8]


def varied(config, env, chance):
    config = dict(config)
    keys = [key for key in LADDERS if env == "H" or key in IN_V]
    for key in chance.sample(keys, chance.choice([1, 1, 2])):
        ladder, now = LADDERS[key], config.get(key, DEFAULTS[key])
        now = tuple(now) if isinstance(now, list) else now
        place = ladder.index(now) + chance.choice([-1, 1]) if now in ladder else chance.randrange(len(ladder))
        config[key] = ladder[min(len(ladder) - 1, max(0, place))]
    return config


def main():
    folder, out, seconds, file = sys.argv[1:]
    with open(file) as text:
        given = json.load(text)
    begin, longest, known, chance = time.time(), 0, {}, random.Random(1)
    data = load(folder)
    torch.manual_seed(0)
    with open(out, "a") as results:
        turn = 0
        while time.time() - begin + longest < float(seconds):
            wave, given = given[:TOGETHER], given[TOGETHER:]
            if not wave:
                env = "HHV"[turn % 3]
                turn += 1
                leaders = best(known, env)
                if not leaders:
                    continue
                wave = [config | {"seed": seeds} for seeds, config in leaders if seeds < 5][: TOGETHER // 2]
                while len(wave) < TOGETHER:
                    config = varied(chance.choice(leaders)[1], env, chance)
                    if name(config) not in known:
                        wave.append(config | {"seed": 0})
            start = time.time()
            run_together(wave, data, known, results)
            longest = max(longest, time.time() - start)
            print(f"{time.time() - begin:.0f} s: {len(wave)} trials in {time.time() - start:.0f} s", flush=True)


main()
