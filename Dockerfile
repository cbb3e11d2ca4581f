# JWT Gateway in a small image: no root, no shell needed, a read-only root file system works.
#
#   docker build -t jwt-gateway .
#   docker run --read-only --cap-drop=ALL -p 8080:8080 \
#     -v "$PWD/gateway.yaml:/etc/gateway/gateway.yaml:ro" jwt-gateway

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
# The lock file first: a change of code then does not reinstall the dependencies.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv /opt/gateway \
 && /opt/gateway/bin/pip install --require-hashes -r requirements/runtime.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY config config
COPY docs docs
COPY man man
COPY gateway gateway
RUN /opt/build/bin/hatchling build --target wheel --directory /dist \
 && /opt/gateway/bin/pip install --no-deps --no-index /dist/*.whl \
 && /opt/gateway/bin/python -m compileall -q /opt/gateway/lib \
 && /opt/gateway/bin/pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="JWT Gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_CONFIG=/etc/gateway/gateway.yaml
# A number, so that Kubernetes' runAsNonRoot sees that it is not root.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["gateway", "healthcheck"]
ENTRYPOINT ["gateway"]
CMD ["run", "/etc/gateway/gateway.yaml"]
