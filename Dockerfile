# Two stages: what builds is not what runs. Nothing here needs a compiler: every package is a wheel with a pinned hash, what builds our own
# included. `docker build -t sidecar .` in this folder; .dockerignore lets in what is copied here and nothing else.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
# An environment without a pip of its own: the one outside fills it, and 15 MB less are handed on.
RUN ["python", "-m", "venv", "--without-pip", "/opt/sidecar"]
COPY requirements-run.lock requirements-build.lock ./
RUN ["pip", "--python", "/opt/sidecar/bin/python", "install", "--require-hashes", "-r", "requirements-run.lock"]
# What builds our own wheel stays in this stage; without isolation pip fetches nothing beside it.
RUN ["pip", "install", "--require-hashes", "-r", "requirements-build.lock"]
COPY pyproject.toml README.md ./
COPY sidecar sidecar
COPY adapters adapters
COPY config config
COPY clients clients
RUN ["pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "/wheel", "."]
RUN ["pip", "--python", "/opt/sidecar/bin/python", "install", "--no-deps", "--no-index", "--find-links", "/wheel", "sidecar"]
# Compiled here, for the root is read-only there; without a look at file times, which copying may change.
RUN ["/opt/sidecar/bin/python", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", "/opt/sidecar/lib"]

FROM python:${PYTHON}-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sidecar" \
      org.opencontainers.image.description="Protects fragile SOAP and XML-RPC backends; every failure becomes a readable state" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/sidecar /opt/sidecar
COPY config /etc/sidecar
ENV PATH=/opt/sidecar/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Nobody's id, no home, nothing to write to: run it with a read-only root.
USER 65532:65532
WORKDIR /
# Callers, and a scraper of metrics. The admin listener is on the container's loopback: `docker exec NAME sidecar status`.
EXPOSE 8080 9100
# It drains (drain.delay and drain.timeout) and exits with 0: give it that long, `docker stop` waits 10 s unless told otherwise.
STOPSIGNAL SIGTERM
# Where another address is listened on, set SIDECAR_HEALTH_URL.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["sidecar", "health"]
ENTRYPOINT ["sidecar"]
CMD ["run", "/etc/sidecar/container.yaml"]
