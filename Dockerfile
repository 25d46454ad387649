# The image of echod, with echobench and uringprobe beside it. The classic builder and BuildKit both build it:
#
#   docker build --tag ringport .
#   docker build --tag ringport --build-arg GO_IMAGE="$(scripts/docker-base.sh | tail -n 1)" .   # without a registry
#   docker build --tag ringport --build-arg VERSION=v1.2.3 --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker build --tag ringport:arm64 --build-arg TARGETARCH=arm64 .                             # cross-compiled
#
# How to run it, and what to do where io_uring is refused: deploy/README.md.

ARG GO_IMAGE=golang:1.26

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# BuildKit sets TARGETARCH; without it the image is for the machine that builds it.
ARG TARGETARCH
# What the programs say that they are: there may be no version control system in here.
ARG VERSION=devel
ARG REVISION=unknown
# The same sources give the same bytes: no paths, no build ids, and no dates of files either.
RUN CGO_ENABLED=0 GOOS=linux GOARCH="${TARGETARCH:-$(go env GOARCH)}" \
    go build -trimpath -buildvcs=false -ldflags="-s -w -buildid= \
      -X github.com/ringport/ringport/internal/buildinfo.linkedVersion=${VERSION} \
      -X github.com/ringport/ringport/internal/buildinfo.linkedRevision=${REVISION}" \
      -o /out/usr/bin/ringport ./cmd/ringport && \
    for name in echobench echod uringprobe; do ln -s ringport "/out/usr/bin/$name"; done && \
    find /out -exec touch -h -d '1970-01-01 00:00:00' {} +

FROM scratch
ARG VERSION=devel
ARG REVISION=unknown
# When the sources were made, not when the image was: two builds of one commit do not differ.
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="ringport" \
      org.opencontainers.image.description="echod: TCP, UDP and Unix echo on io_uring; with echobench and uringprobe" \
      org.opencontainers.image.source="https://github.com/ringport/ringport" \
      org.opencontainers.image.documentation="https://github.com/ringport/ringport/blob/main/deploy/README.md" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# One program with three names: three programs would be half as large again.
COPY --from=build /out/ /
ENV PATH=/usr/bin \
    ECHOD_LISTEN=tcp://0.0.0.0:7007
USER 65532:65532
EXPOSE 7007/tcp 7007/udp 9107/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 \
    CMD ["/usr/bin/echod", "healthcheck", "tcp://127.0.0.1:7007"]
ENTRYPOINT ["/usr/bin/echod"]
