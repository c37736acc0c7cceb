# The image of highwater: one binary in distroless, not as root.
# cargo-chef compiles the dependencies in a layer of their own, which a change of our source leaves as it is.

FROM rust:1.95-bookworm AS chef
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
RUN cargo install cargo-chef --locked --version 0.1.78
WORKDIR /build

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json --bin highwater

FROM chef AS build
# librdkafka compresses with zlib; distroless has none, so it goes into the binary.
ENV LIBZ_SYS_STATIC=1
COPY --from=plan /build/recipe.json .
RUN cargo chef cook --profile dist --locked --recipe-path recipe.json --bin highwater
COPY . .
RUN cargo build --profile dist --locked --bin highwater
# Of shared libraries distroless has those of C, C++ and OpenSSL.
RUN ! ldd target/dist/highwater | grep -vE 'linux-vdso|ld-linux|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+|ssl|crypto)\.so'

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/dist/highwater /highwater
COPY --from=build /build/LICENSE /LICENSE
# The readiness page asked by the binary itself: there is no shell and no curl here.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/highwater", "healthcheck"]
ENTRYPOINT ["/highwater"]
CMD ["run"]
