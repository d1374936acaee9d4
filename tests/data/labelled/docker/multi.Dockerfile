FROM debian:bookworm-20240130-slim AS base
FROM base AS deps
COPY --from=ghcr.io/astral-sh/uv:0.1.13 /uv /bin/uv
COPY --link --from=deps /x /y
FROM rust:1.76 as tools
RUN --mount=type=cache,target=/c --mount=from=base,target=/b true
RUN --mount=type=bind,source=/s,from=alpine:3.19.1,target=/a ls
FROM --platform=linux/amd64 \
  nginxinc/nginx-unprivileged:1.25 AS web
COPY --from=tools --chown=1:1 /x /y
ADD https://example.org/image:1.tar /
CMD ["docker", "run", "not/cmd:1"]
