# One image for every role: the command decides (serve, check, demo, …).
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY gateway gateway
RUN python -m venv /opt/sluicegate && /opt/sluicegate/bin/pip install --no-cache-dir .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sluicegate sluicegate
COPY --from=build /opt/sluicegate /opt/sluicegate
ENV PATH=/opt/sluicegate/bin:$PATH PYTHONUNBUFFERED=1
USER sluicegate
# The state database (state: sqlite:state.db) is written relative to the configuration.
WORKDIR /var/lib/sluicegate
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluicegate"]
CMD ["serve", "/etc/sluicegate/gateway.yaml"]
