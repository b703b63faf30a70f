# elbo in a container, made ready by the same set-up as a clone. Build: docker build -t elbo .
# Use: docker run --rm -v "$PWD/checkpoints:/app/checkpoints" elbo train --epochs 2

FROM node:22-bookworm-slim AS build
# Python is needed only to fetch the library; the final image has none.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates python3-pip \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV ELBO_CACHE=/opt/elbo
# Packages and library first, in a layer that a change of the sources leaves as it is.
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY scripts/setup.mjs scripts/
COPY scripts/setup scripts/setup
COPY src/libtensorflow/location.mjs src/libtensorflow/cuda-build.mjs src/libtensorflow/
# The set-up also succeeds without the library; an image without it is not worth having.
RUN node scripts/setup.mjs && ls "$ELBO_CACHE"/libtensorflow/*/complete.json
COPY src src
RUN node scripts/setup.mjs && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production ELBO_CACHE=/opt/elbo
COPY --from=build /opt/elbo /opt/elbo
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN mkdir checkpoints data && chown node:node checkpoints data
USER node
VOLUME ["/app/checkpoints", "/app/data"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["--help"]
