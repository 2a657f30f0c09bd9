# The agent's image: Node.js, the program and the few shared libraries they need over an empty base. No shell, no package
# manager, no compiler; runs as root, for the capabilities it is given need that, with a root that may be read-only.
#
#   docker build -t hostflame .                              for this machine
#   docker buildx build --platform linux/amd64,linux/arm64 …  for both
#
# hadolint global ignore=DL3008  Debian 12's own versions: they change only for fixes.
ARG NODE_IMAGE=node:24-bookworm

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# The one list of system packages is the scripts'.
COPY scripts/packages.mjs scripts/packages.mjs
RUN apt-get update \
 && apt-get install -y --no-install-recommends $(node --input-type=module --eval \
      'import { needs, packageNames } from "./scripts/packages.mjs"; console.log(packageNames(needs.filter((need) => need.for === "build"), "debian").join(" "))') \
 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
# A layer for what changes seldom and takes longest.
COPY scripts scripts
COPY CMakeLists.txt binding.gyp ./
COPY bpf bpf
COPY native native
RUN node scripts/build.mjs native
COPY . .
RUN node scripts/build.mjs typescript viewer
RUN node scripts/image-root.mjs /image

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hostflame" \
      org.opencontainers.image.description="Node-level profiling agent for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR Apache-2.0)" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 0:0
# /metrics, /healthz, /readyz
EXPOSE 9177
# What is made in a window is large and old at once: a larger young generation would only be filled. The old one is bounded so that V8
# collects, and the agent sheds (docs/budget.md), well before the memory limit of deploy/base; without, V8 would let it grow to 256 MiB.
# Four more threads for collecting and compiling cost 10 to 30 % more CPU (measured, side by side), and nobody waits for what they do.
ENTRYPOINT ["/usr/local/bin/node", "--single-threaded", "--max-semi-space-size=1", "--max-old-space-size=160", "/opt/hostflame/dist/bundle/main.js"]
CMD ["agent"]
