# syntax=docker/dockerfile:1
# The `smartpass` binary on Debian, for docker-compose.yml or alone: docker build -t smartpass .

FROM rust:1.95.0-bookworm AS build
# rdkafka compiles librdkafka, which finds TLS and compression through pkg-config.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The caches outlive the layer: a change of one line compiles what depends on that line. They are not in the image,
# so the binary is copied out. Its line tables are only of use to a debugger, and most of its size.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target,sharing=locked \
    cargo build --profile dist --locked --package smartpass --bin smartpass \
    && strip --strip-debug -o /smartpass target/dist/smartpass

# glibc and OpenSSL of the same Debian release as above: the binary is linked to them.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/smartpass smartpass
COPY --from=build /smartpass /usr/local/bin/smartpass
# A number, so that a cluster that forbids root can tell without looking into the image.
USER 10001:10001
WORKDIR /var/lib/smartpass
EXPOSE 8080 9600
# glibc keeps a heap for every few threads, each as large as it ever was: with one, a worker's memory stays level.
ENV MALLOC_ARENA_MAX=1
ENTRYPOINT ["smartpass"]
