# docker build -t impulse .                   a whole server: Impulse with a PostgreSQL of its own
# docker build -t impulse --target server .   the program alone, for a PostgreSQL elsewhere (see compose.yaml)
# The client is inside the binary.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The sources are touched because cargo compares times, and files of an archive may be older than a cached build.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    touch src/lib.rs src/main.rs && cargo build --release --locked && cp target/release/impulse /impulse

FROM debian:trixie-slim AS base
# tini is the first process: it waits for processes that lost their parent, and passes signals on.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 impulse \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/impulse --no-create-home --shell /usr/sbin/nologin impulse \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/impulse
COPY --chmod=0755 packaging/container-start /usr/local/bin/container-start
ENV IMPULSE_LISTEN=[::]:8080 IMPULSE_DATA_DIR=/var/lib/impulse
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=5 CMD ["impulse", "healthcheck"]
ENTRYPOINT ["tini", "--", "container-start"]
CMD ["serve"]

FROM base AS server
COPY --from=build /impulse /usr/local/bin/impulse
USER 10001:10001
VOLUME /var/lib/impulse

FROM base AS whole
# The major version stays: the files of one are not read by another. The package would make a cluster of its own.
# nss_wrapper gives a name to the user of `docker run --user`, which initdb wants.
RUN mkdir /etc/postgresql-common \
 && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf \
 && apt-get update \
 && apt-get install -y --no-install-recommends postgresql-17 libnss-wrapper \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /impulse /usr/local/bin/impulse
USER 10001:10001
VOLUME /var/lib/impulse
