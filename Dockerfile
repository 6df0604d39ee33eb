# One image for every service: each runs it with its own name (`node functions/main.ts NAME`).
FROM node:24.21.0-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The bundler is a `devDependency`, and its machine code an optional one.
RUN npm ci --workspaces=false --ignore-scripts
COPY shared shared
COPY functions functions
COPY cli cli
# Only what services import: without it, a start opens 550 files of packages.
RUN node cli/image-packages.ts /image

FROM node:24.21.0-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /image/node_modules node_modules
COPY package.json ./
COPY shared shared
COPY functions functions
USER node
# Half of the processor time of a start is compiling. Node takes compiled code of the same user only.
ENV NODE_COMPILE_CACHE=/home/node/compiled
RUN node functions/compile.ts
CMD ["node", "functions/main.ts"]
