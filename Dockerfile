# SPDX-License-Identifier: MIT
# Two images. The small one runs fxtrain on your files; it is the default:
#
#   docker build --tag fxtrain .
#   docker run --rm --volume "$PWD:/work" fxtrain fit dry.wav wet.wav --out runs/amp
#
# The other is a fresh Debian machine with the repository, its tools and the two commands:
#
#   docker build --target development --tag fxtrain-dev .
#   docker run --rm fxtrain-dev make test
#
# Both build for the platform of this machine. For two platforms at once, which Docker emulates:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag fxtrain .
#
# --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu takes torch's CPU build: without it, PyPI's, with CUDA.
FROM debian:12-slim AS development

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
COPY --chown=fxtrain:fxtrain Makefile pyproject.toml constraints.txt uv.lock ./
COPY --chown=fxtrain:fxtrain tools tools
RUN make .venv/dev.stamp TORCH_INDEX="$TORCH_INDEX"

# The source last: a change in it costs the build of the extension modules alone.
COPY --chown=fxtrain:fxtrain . .
RUN make build TORCH_INDEX="$TORCH_INDEX" && mkdir -p runs
CMD ["make", "demo"]

FROM development AS wheel
RUN make wheel

# Python and the wheel with its dependencies: no compiler, no source.
FROM debian:12-slim AS runtime
ENV LANG=C.UTF-8
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home fxtrain \
 && install --directory --owner fxtrain --group fxtrain /work

ARG TORCH_INDEX=""
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /home/fxtrain/fxtrain/dist /tmp/dist
RUN python3 -m venv /opt/fxtrain \
 && /opt/fxtrain/bin/pip install --no-cache-dir --constraint /tmp/constraints.txt \
      ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} /tmp/dist/*.whl \
 && rm -rf /tmp/dist /tmp/constraints.txt

USER fxtrain
WORKDIR /work
ENTRYPOINT ["/opt/fxtrain/bin/fxtrain"]
CMD ["--help"]
