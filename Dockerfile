# fedunify with Fashion-MNIST inside: after the build a run needs no network.
#
#   docker build -t fedunify .
#   docker run --rm --network none -v "$PWD/results:/work/results" fedunify run --env H --merge avg
#
# The command runs as user 1000, who must be able to write to results. examples/federation has a federation in containers.
FROM docker.io/library/node:22-bookworm-slim AS build
WORKDIR /source
COPY . .
# No package needs its install script to build fedunify.
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run build && npm pack --pack-destination /

FROM docker.io/library/node:22-bookworm-slim
# The install script of onnxruntime-node would fetch a library for CUDA, which this image cannot use.
ENV ONNXRUNTIME_NODE_INSTALL=skip
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends dataset-fashion-mnist \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /fedunify-*.tgz /tmp/
RUN npm install --global --omit=optional --no-audit --no-fund /tmp/fedunify-*.tgz && rm -rf /tmp/fedunify-*.tgz /root/.npm

WORKDIR /work
RUN mkdir results && chown -R node: /work
USER node
ENTRYPOINT ["fedunify"]
CMD ["--help"]
