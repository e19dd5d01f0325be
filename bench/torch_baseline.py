"""Trains or evaluates the reference CNN with PyTorch on one thread and prints how fast, as one JSON line.

Loads and warms up, prints `ready`, waits for a line on stdin, then works: so that several processes can start
together. `train` trains a new model for one shuffled epoch over `--images` images; `forward` evaluates one on the
images, `--passes` times. Pixels stay bytes until their batch, as in fedunify.
`batches` prints how fast `forward` is with batches of several sizes.
`check` prints the speed of the matrix product, by the BLAS and by the convolutions' library.
"""

import argparse
import ctypes
import gzip
import json
import os
import resource
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import torch
from torch import nn

VERSIONS = {"torch": torch.__version__, "python": sys.version.split()[0]}


def read_idx(folder, name, header, images, skip):
    path = os.path.join(folder, name)
    size = 784 if header == 16 else 1
    with gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb") as file:
        file.read(header + skip * size)
        content = bytearray(file.read(images * size))
    return torch.frombuffer(content, dtype=torch.uint8)


def reference_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def check():
    """GFLOP/s of one product [512, 512] x [512, 512]: by BLAS, and as a 1x1 convolution.

    A batch of 32, because on one thread PyTorch 1.13 gives smaller ones to BLAS as well.
    """
    a, b = torch.rand(512, 512), torch.rand(512, 512)
    image, kernel = b.view(32, 512, 4, 4), a.view(512, 512, 1, 1)

    def gflops(product):
        best = float("inf")
        for _ in range(10):
            begin = time.perf_counter()
            product()
            best = min(best, time.perf_counter() - begin)
        return 2 * 512**3 / best / 1e9

    with torch.no_grad():
        blas = gflops(lambda: torch.mm(a, b))
        convolution = gflops(lambda: nn.functional.conv2d(image, kernel))
    print(json.dumps({"blas": blas, "convolution": convolution, "versions": VERSIONS}))


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["train", "forward", "batches", "check"])
    parser.add_argument("--data")
    parser.add_argument("--layout", choices=["nchw", "channels_last"])
    parser.add_argument("--images", type=int)
    parser.add_argument("--warm-up", type=int, help="images")
    parser.add_argument("--owner", type=int, default=0, help="from 0: which images of the train file")
    parser.add_argument("--passes", type=int, default=1, help="forward: evaluations of all images")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--mean", type=float)
    parser.add_argument("--std", type=float)
    return parser.parse_args()


class Work:
    """The images of one owner, and what is done with them."""

    def __init__(self, args):
        skip = args.owner * args.images
        self.args = args
        self.pixels = read_idx(args.data, "train-images-idx3-ubyte", 16, args.images, skip).view(-1, 28, 28, 1)
        self.labels = read_idx(args.data, "train-labels-idx1-ubyte", 8, args.images, skip).long()

    def model(self):
        model = reference_cnn()
        return model.to(memory_format=torch.channels_last) if self.args.layout == "channels_last" else model

    def batch(self, select):
        mean, std = self.args.mean, self.args.std
        # With one channel both layouts are the same bytes; the strides say which one the convolutions shall take.
        x = self.pixels[select].permute(0, 3, 1, 2).float().mul_(1 / (255 * std)).sub_(mean / std)
        if self.args.layout == "nchw":
            x = x.reshape(-1, 28, 28).unsqueeze(1)
        return x, self.labels[select]

    def train(self, images):
        """The mean loss of one epoch over `images` of the images, drawn at random, from new weights."""
        model = self.model()
        optimizer = torch.optim.SGD(model.parameters(), lr=self.args.lr)
        cross_entropy = nn.CrossEntropyLoss()
        total = 0.0
        for indices in torch.randperm(self.args.images)[:images].split(self.args.batch):
            x, labels = self.batch(indices)
            optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(indices)
        return total / images

    def forward(self, images, batch):
        """The mean loss of a new model on the first `images` images."""
        model = self.model().eval()
        total, correct = 0.0, 0
        with torch.inference_mode():
            for start in range(0, images, batch):
                x, labels = self.batch(slice(start, min(start + batch, images)))
                logits = model(x)
                total += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
                correct += (logits.argmax(1) == labels).sum().item()
        return total / images


def batches(work):
    """Images/s of `forward` by batch size, the best of three each, tried in turn."""
    best = {}
    for _ in range(3):
        for batch in [16, 32, 64, 100, 128, 256, 500, 1000]:
            begin = time.perf_counter()
            work.forward(work.args.images, batch)
            best[batch] = max(best.get(batch, 0), work.args.images / (time.perf_counter() - begin))
    print(json.dumps({"rates": best, "versions": VERSIONS}))


def keep_memory():
    """Lets freed memory stay with the process.

    By default glibc gives large blocks back to the system, in some processes at every step and in others never, and on
    a virtual machine it can take four times as long as the training to get them again.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        trim_threshold, mmap_max = -1, -4  # of malloc.h
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(mmap_max, 0)


def main():
    keep_memory()
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    args = parse()
    if args.mode == "check":
        return check()

    torch.manual_seed(args.owner)
    work = Work(args)
    if args.mode == "batches":
        return batches(work)

    def run(images):
        return work.train(images) if args.mode == "train" else work.forward(images, args.batch)

    run(args.warm_up)
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.time()
    for _ in range(args.passes):
        loss = run(args.images)
    end = time.time()
    result = {
        "begin": begin,
        "end": end,
        "images": args.images * args.passes,
        "loss": loss,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        "versions": VERSIONS,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
