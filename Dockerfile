# This repository and its environment as an image, for Kubernetes (docs/cluster/kuberay.yaml) or one machine with Docker:
#
#   docker build -t knowledge-transfer .
#   docker run --rm --shm-size 2g -v transfer-results:/results knowledge-transfer python -m platform.sweep retina
#
# With GPUs add `--gpus all`; with images of your own `-v /where/they/are:/images:ro`, and `--data /images` to the sweep.
FROM python:3.11-slim-bookworm

# KubeRay asks with wget whether a pod is alive; Ray looks at processes with ps. KubeRay's login shell sets PATH anew.
RUN apt-get update && apt-get install -y --no-install-recommends procps wget && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 researcher \
    && install -d -o researcher -g researcher /transfer /results \
    && echo 'export PATH=/transfer/.venv/bin:$PATH' >/etc/profile.d/transfer.sh

USER researcher
WORKDIR /transfer
ENV PATH=/transfer/.venv/bin:$PATH TRANSFER_RESULTS=/results RAY_USAGE_STATS_ENABLED=0 RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=1

# The libraries, 6 GB, are a layer of their own: it is made again only when one of these two files changes.
COPY --chown=researcher:researcher install.sh requirements.lock ./
RUN UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1 sh install.sh

COPY --chown=researcher:researcher . .
RUN python -m compileall -q platform analysis search_spaces trainables

VOLUME /results
CMD ["python", "-m", "platform"]
