# One image for every role: the command decides (serve, check, demo, …).
FROM python:3.12-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml README.md ./
COPY gateway gateway
# Compiled (gateway/building): the compiler stays behind in this stage.
RUN python -m venv /opt/sluicegate \
    && SLUICEGATE_COMPILE=1 /opt/sluicegate/bin/pip install --no-cache-dir .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sluicegate sluicegate
COPY --from=build /opt/sluicegate /opt/sluicegate
# An example with the models' addresses made up: mount your own over it. It keeps its state
# at an absolute path; a relative one begins beside the file, where this user cannot write.
COPY config/examples/container.yaml /etc/sluicegate/gateway.yaml
ENV PATH=/opt/sluicegate/bin:$PATH PYTHONUNBUFFERED=1
USER sluicegate
# The one place that is written. A new volume takes over its owner; a folder of the host
# must belong to uid 10001.
WORKDIR /var/lib/sluicegate
VOLUME /var/lib/sluicegate
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluicegate"]
CMD ["serve", "/etc/sluicegate/gateway.yaml"]
