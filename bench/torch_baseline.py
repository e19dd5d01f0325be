"""Trains the reference CNN with PyTorch on one thread and prints how fast, as one JSON line.

Loads and warms up, prints `ready`, waits for a line on stdin, then trains a new model for one shuffled epoch over
`--images` images: so that several processes can start together. Pixels stay bytes until their batch, as in fedunify.

With --check it only prints the speed of its matrix product, by its BLAS and by its convolutions' library.
"""

import argparse
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


def main():
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    if sys.argv[1:] == ["--check"]:
        return check()

    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--layout", choices=["nchw", "channels_last"], required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--owner", type=int, required=True, help="from 0: which images of the train file")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--mean", type=float, required=True)
    parser.add_argument("--std", type=float, required=True)
    args = parser.parse_args()

    torch.manual_seed(args.owner)
    skip = args.owner * args.images
    pixels = read_idx(args.data, "train-images-idx3-ubyte", 16, args.images, skip).view(-1, 28, 28, 1)
    labels = read_idx(args.data, "train-labels-idx1-ubyte", 8, args.images, skip).long()
    cross_entropy = nn.CrossEntropyLoss()

    def train(images):
        model = reference_cnn()
        if args.layout == "channels_last":
            model = model.to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
        total = 0.0
        for indices in torch.randperm(args.images)[:images].split(args.batch):
            # With one channel both layouts are the same bytes; the strides say which one the convolutions shall take.
            x = pixels[indices].permute(0, 3, 1, 2).float().mul_(1 / (255 * args.std)).sub_(args.mean / args.std)
            if args.layout == "nchw":
                x = x.reshape(-1, 28, 28).unsqueeze(1)
            optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(model(x), labels[indices])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(indices)
        return total / images

    train(args.warm_up)
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.time()
    loss = train(args.images)
    end = time.time()
    result = {
        "begin": begin,
        "end": end,
        "images": args.images,
        "loss": loss,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        "versions": VERSIONS,
    }
    print(json.dumps(result), flush=True)


main()
