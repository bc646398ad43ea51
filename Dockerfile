# Two stages: one builds with Rust, the other runs on a slim Debian. The client is inside the binary.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# The sources are touched because cargo compares times, and files of an archive may be older than a cached build.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    touch src/lib.rs src/main.rs && cargo build --release --locked && cp target/release/impulse /impulse

FROM debian:bookworm-slim
RUN groupadd --gid 10001 impulse \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/impulse --no-create-home --shell /usr/sbin/nologin impulse \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/impulse
COPY --from=build /impulse /usr/local/bin/impulse
USER 10001:10001
ENV IMPULSE_LISTEN=0.0.0.0:8080 IMPULSE_DATA_DIR=/var/lib/impulse
VOLUME /var/lib/impulse
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=5 CMD ["impulse", "healthcheck"]
ENTRYPOINT ["impulse"]
CMD ["serve"]
