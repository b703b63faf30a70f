# elbo in a container. Build: docker build -t elbo .
# Use: docker run --rm -v "$PWD/checkpoints:/app/checkpoints" elbo train --epochs 2

FROM node:22-bookworm-slim AS build
WORKDIR /app
ENV ELBO_CACHE=/opt/elbo
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY scripts/setup.mjs scripts/
COPY scripts/setup scripts/setup
COPY vendor vendor
COPY src src
RUN node scripts/setup.mjs && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production ELBO_CACHE=/opt/elbo
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN node dist/cli.js setup && mkdir checkpoints data && chown node:node checkpoints data
USER node
VOLUME ["/app/checkpoints", "/app/data"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["--help"]
