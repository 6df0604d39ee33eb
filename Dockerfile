# One image for every service: each runs it with its own name (`node functions/main.ts orders`).
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The image has its own Node, and the stacks' and emulators' packages are for laptops.
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
 && rm -rf node_modules/cdktf node_modules/@cdktf node_modules/@duckdb

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY shared shared
COPY functions functions
USER node
CMD ["node", "functions/main.ts"]
