"""Rounds of two owners with PyTorch on CUDA, as fedunify runs them, and how long they take: one JSON line.

Four sides take turns: eager and CUDA graphs, each without TF32 and with it. Images and labels stay on the GPU, the
loss is read once an epoch, cuDNN picks its fastest kernels: what someone would write who wants it fast.
"""

import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_baseline import read_idx, reference_cnn  # first: it sets the threads before PyTorch is loaded

import torch
from torch import nn

BATCH, LR, MEAN, STD, CLASSES = 64, 0.1, 0.286, 0.353, 10
EVALUATION_BATCH = 1000


class Images:
    """One of the two files, on the device."""

    def __init__(self, folder, kind, count, device):
        self.pixels = read_idx(folder, f"{kind}-images-idx3-ubyte", 16, count, 0).view(-1, 28, 28).to(device)
        self.labels = read_idx(folder, f"{kind}-labels-idx1-ubyte", 8, count, 0).long().to(device)

    def of_owner(self, owner):
        """Indices of its images: the lower half of the labels, or the upper one."""
        return torch.nonzero((self.labels >= CLASSES // 2) == bool(owner)).flatten()

    def batch(self, indices):
        x = self.pixels[indices].float().mul_(1 / (255 * STD)).sub_(MEAN / STD).unsqueeze(1)
        return x, self.labels[indices]


class Owner:
    """A model and its training on one device."""

    def __init__(self, images, device, graphs):
        self.images, self.device = images, device
        self.model = reference_cnn().to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR)
        self.loss = torch.zeros((), device=device)
        self.graphs = {} if graphs else None

    def step(self, indices):
        x, labels = self.images.batch(indices)
        self.optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.model(x), labels)
        loss.backward()
        self.optimizer.step()
        self.loss += loss.detach() * len(indices)

    def captured(self, count):
        """The graph of a step with so many images, and where their indices go."""
        if count not in self.graphs:
            indices = torch.zeros(count, dtype=torch.long, device=self.device)
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(3):
                    self.step(indices)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            self.optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph):
                self.step(indices)
            self.graphs[count] = graph, indices
        return self.graphs[count]

    def train(self, shard):
        """One shuffled epoch: images/s and the mean loss."""
        batches = shard[torch.randperm(len(shard), device=self.device)].split(BATCH)
        wait(self.device)
        begin = time.perf_counter()
        self.loss.zero_()
        for indices in batches:
            if self.graphs is None:
                self.step(indices)
            else:
                graph, place = self.graphs[len(indices)]
                place.copy_(indices)
                graph.replay()
        loss = self.loss.item() / len(shard)
        return len(shard) / (time.perf_counter() - begin), loss

    def correct(self, images, indices):
        with torch.inference_mode():
            counts = [
                (self.model(x).argmax(1) == labels).sum()
                for x, labels in map(images.batch, indices.split(EVALUATION_BATCH))
            ]
            return sum(counts).item()


class Side:
    """Two owners, one after the other as in fedunify on a GPU."""

    def __init__(self, train, test, device, graphs, tf32):
        self.key = f"torch_{'graphs' if graphs else 'eager'}{'_tf32' if tf32 else ''}"
        self.precision = "TF32" if tf32 else "float32"
        self.tf32, self.test = tf32, test
        self.rounds = []
        self.set_precision()
        self.owners = [Owner(train, device, graphs) for _ in range(2)]
        self.shards = [train.of_owner(owner) for owner in range(2)]
        start = [weight.detach().clone() for weight in self.owners[0].model.parameters()]
        if graphs:
            for owner, shard in zip(self.owners, self.shards):
                for count in {BATCH, len(shard) % BATCH} - {0}:
                    owner.captured(count)
        self.hand_out(start)

    def set_precision(self):
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        torch.backends.cudnn.allow_tf32 = self.tf32

    def hand_out(self, weights):
        with torch.no_grad():
            for owner in self.owners:
                for parameter, weight in zip(owner.model.parameters(), weights):
                    parameter.copy_(weight)

    def round(self, device):
        """Train, evaluate each owner's model on its own test images, merge by avg, evaluate the unified model."""
        self.set_precision()
        wait(device)
        begin = time.perf_counter()
        rates, losses = [], []
        for number, (owner, shard) in enumerate(zip(self.owners, self.shards)):
            rate, loss = owner.train(shard)
            rates.append(rate)
            losses.append(loss)
            owner.correct(self.test, self.test.of_owner(number))
        with torch.no_grad():
            pairs = zip(*(owner.model.parameters() for owner in self.owners))
            self.hand_out([(a + b) / 2 for a, b in pairs])
        everything = torch.arange(len(self.test.labels), device=device)
        correct = self.owners[0].correct(self.test, everything)
        seconds = time.perf_counter() - begin
        accuracy = correct / len(everything)
        self.rounds.append({"seconds": seconds, "rates": rates, "loss": sum(losses) / 2, "accuracy": accuracy})


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--images", type=int, default=70000)
    args = parser.parse_args()
    # Without a GPU it does the same on the CPU, to try the script.
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    train = Images(args.data, "train", args.images * 6 // 7, device)
    test = Images(args.data, "t10k", args.images // 7, device)
    kinds = [(graphs, tf32) for graphs in (False, True) for tf32 in (False, True)]
    sides = [Side(train, test, device, graphs and device == "cuda", tf32) for graphs, tf32 in kinds]
    for number in range(args.rounds):
        for i in range(len(sides)):
            sides[(number + i) % len(sides)].round(device)
    print(json.dumps([{"key": s.key, "precision": s.precision, "rounds": s.rounds} for s in sides]))


main()
