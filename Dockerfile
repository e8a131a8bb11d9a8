# SPDX-License-Identifier: MIT
# A fresh Debian machine that runs the two commands, for amd64 and arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag fxtrain .
#   docker run --rm --volume "$PWD/runs:/home/fxtrain/fxtrain/runs" fxtrain make demo
#   docker run --rm fxtrain make test
#
# --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu takes torch's CPU build: without it, PyPI's, with CUDA.
FROM debian:12-slim

SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV LANG=C.UTF-8

# What has to be there before the source is: git and make. The rest is asked for by tools/system-packages, which is
# copied alone so that this layer is kept while the source changes.
COPY tools/system-packages /tmp/system-packages
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends ca-certificates git make \
 && /tmp/system-packages test \
 && rm -rf /var/lib/apt/lists/* /tmp/system-packages

RUN useradd --create-home fxtrain && install --directory --owner fxtrain --group fxtrain /home/fxtrain/fxtrain
USER fxtrain
WORKDIR /home/fxtrain/fxtrain

ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1
COPY --chown=fxtrain:fxtrain Makefile pyproject.toml constraints.txt ./
COPY --chown=fxtrain:fxtrain tools tools
RUN make .venv/dev.stamp TORCH_INDEX="$TORCH_INDEX"

# The source last: a change in it costs the build of the extension modules alone.
COPY --chown=fxtrain:fxtrain . .
RUN make build TORCH_INDEX="$TORCH_INDEX" && mkdir -p runs

CMD ["make", "demo"]
