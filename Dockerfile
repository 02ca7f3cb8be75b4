# syntax=docker/dockerfile:1
# Two stages: the wheel is built and installed in the first; the second takes only the installed environment.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
COPY remediation ./remediation
COPY runbooks ./runbooks
RUN python -m pip install --no-cache-dir build \
    && python -m build --wheel --outdir /wheel . \
    && python -m venv /opt/bellhop \
    && wheel="$(ls /wheel/*.whl)" \
    && /opt/bellhop/bin/python -m pip install --no-cache-dir "${wheel}[postgres]"

FROM python:3.12-slim
ENV PATH=/opt/bellhop/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/data
COPY --from=build /opt/bellhop /opt/bellhop
# The folder exists with its owner before the volume is laid over it: a new volume takes both.
RUN install -d -o 10001 -g 10001 -m 0750 /data
WORKDIR /data
VOLUME ["/data"]
USER 10001:10001
EXPOSE 8480
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8480/healthz', timeout=4)"]
ENTRYPOINT ["bellhop"]
CMD ["serve", "--config", "/etc/bellhop/bellhop.yaml"]
