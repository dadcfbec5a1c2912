# One image for the API, the worker and the simulated sources; the command chooses.
FROM python:3.11-slim-trixie
# pg_dump and pg_restore of compose.yaml's PostgreSQL, for `verify db backup` and `restore`.
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY src src
COPY connectors connectors
COPY rules rules
COPY scoring scoring
COPY fixtures fixtures
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
 && useradd --create-home verify && mkdir /data && chown verify /data
USER verify
ENV VERIFY_HOME=/data
EXPOSE 8470
CMD ["verify", "serve", "--host", "0.0.0.0"]
