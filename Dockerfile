# Two stages: what builds is not what runs. Nothing here needs a compiler; every dependency is a wheel with a pinned hash.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements-run.lock ./
RUN python -m venv /opt/sidecar \
 && /opt/sidecar/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY pyproject.toml README.md ./
COPY sidecar sidecar
COPY adapters adapters
COPY config config
RUN /opt/sidecar/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
COPY --from=build /opt/sidecar /opt/sidecar
COPY config /etc/sidecar
ENV PATH=/opt/sidecar/bin:$PATH PYTHONUNBUFFERED=1
# Nobody's id, no home, nothing to write to: run it with a read-only root.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s CMD ["sidecar", "health"]
ENTRYPOINT ["sidecar"]
CMD ["run", "/etc/sidecar/minimal.yaml"]
