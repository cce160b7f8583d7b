# The image by an engine; `make image` makes the same one without. What is in it and how it runs stands in
# image/contents.toml; tests/unit/image/test_dockerfile.py compares the instructions below with it.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates python3 python3-pip
WORKDIR /checkout
COPY pyproject.toml requirements.lock ./
COPY image image
RUN python3 -m image prepare
COPY operator operator
RUN python3 -m image rootfs /rootfs

FROM scratch
COPY --from=build /rootfs/base /
COPY --from=build /rootfs/wheels /
COPY --from=build /rootfs/novacron /
LABEL org.opencontainers.image.title="novacron" \
      org.opencontainers.image.description="The NovaCron operator and its workloads; the role is the argument" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="NovaCron" \
      org.opencontainers.image.version="0.1.0"
ENV LANG=C.UTF-8 \
    PATH=/usr/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/usr/bin/novacron"]
