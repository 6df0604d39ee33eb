/** A client that Google's compiler generates for Python from the `.proto` files, and one that knows nothing but the gateway's reflection. */

import { serve } from '@hono/node-server'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { app } from '../../functions/gateway/app.ts'
import { gateway, testEdge } from '../../functions/gateway/edge.testing.ts'
import { shopAnswers } from '../../functions/gateway/graphql.testing.ts'
import { everyAccountIsValid, openIssuer } from '../../functions/gateway/issuer.testing.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { acceptHttp2 } from '../../shared/runtime/http2.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { limitServer, serverOptions } from '../../shared/runtime/server-limits.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'

const INSTALL_MS = 600_000
const packages = ['grpcio==1.85.1', 'grpcio-reflection==1.85.1', 'grpcio-tools==1.85.1']

/** Reads an order, is refused another one, and finds a method without its file. */
const program = `
import sys, grpc
from millrace.orders.v1 import orders_pb2, orders_pb2_grpc

channel = grpc.insecure_channel(sys.argv[1])
orders = orders_pb2_grpc.OrdersServiceStub(channel)
token = [('authorization', 'Bearer ' + sys.argv[2])]
order = orders.ReadOrder(orders_pb2.ReadOrderRequest(order_id='o-1'), metadata=token, timeout=10)
print('read', order.order_id, order.total_minor, len(order.lines))
try:
    orders.ReadOrder(orders_pb2.ReadOrderRequest(order_id='o-1'), timeout=10)
except grpc.RpcError as error:
    print('refused', error.code().name)
`

/** By the reflection client of Python's package, with each file that it needs: it speaks the former version of the service. */
const reflecting = `
import sys, grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

files = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(sys.argv[1]))
pool = DescriptorPool(files)
services = sorted(files.get_services())
print('services', ' '.join(services))
for name in services:
    print('methods', name, ' '.join(method.name for method in pool.FindServiceByName(name).methods))
print('fields', ' '.join(pool.FindMessageTypeByName('google.rpc.RetryInfo').fields_by_name))
`

async function openGateway(): Promise<{ readonly address: string; readonly token: string }> {
  const issuer = await openIssuer()
  const platform = testPlatform(gateway, {
    settings: { EDGE: testEdge(), ...issuer.settings },
    callExternal: everyAccountIsValid,
    call: shopAnswers,
  })
  const { fetch } = createHttpApp(app, platform, testConfig('gateway'))
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1', serverOptions }, () => resolve()) as Server
  limitServer(server)
  const http2 = acceptHttp2(server, fetch)
  await listening
  onTestFinished(() => {
    http2.close()
    server.close()
    issuer.close()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, token: await issuer.token() }
}

/** The gateway is in this process, which must go on meanwhile. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, errors] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()])
  const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))
  expect([code, code === 0 ? '' : String(Buffer.concat(errors as Buffer[]))]).toEqual([0, ''])
  return String(Buffer.concat(out as Buffer[]))
}

it('reads an order, and what the gateway says of itself', { timeout: INSTALL_MS }, async (context) => {
  if (!wholeLists) context.skip('npm run verify installs the compiler for Python, and runs it')
  if (spawnSync('python3', ['-m', 'venv', '--help']).status !== 0) context.skip('python3 with venv is not installed')
  const home = join(root, '.tools', 'python-grpc')
  const python = join(home, 'bin', 'python')
  if (!existsSync(python)) await run('python3', ['-m', 'venv', home])
  await run(python, ['-m', 'pip', 'install', '--quiet', ...packages])
  const generated = join(home, 'generated')
  mkdirSync(generated, { recursive: true })
  const proto = join(root, 'proto')
  const file = join(proto, 'millrace/orders/v1/orders.proto')
  const outputs = [`--python_out=${generated}`, `--grpc_python_out=${generated}`]
  await run(python, ['-m', 'grpc_tools.protoc', `-I${proto}`, ...outputs, file])
  writeFileSync(join(generated, 'read.py'), program)
  writeFileSync(join(generated, 'reflect.py'), reflecting)

  const { address, token } = await openGateway()
  expect(await run(python, [join(generated, 'read.py'), address, token])).toBe(
    'read o-1 2500 1\nrefused UNAUTHENTICATED\n',
  )
  const described = await run(python, [join(generated, 'reflect.py'), address])
  expect(described).toMatch(/^services .*millrace\.orders\.v1\.OrdersService/)
  expect(described).toMatch(/^methods millrace\.catalog\.v2\.CatalogService ReadProduct$/m)
  expect(described).toMatch(/^fields retry_delay$/m)
})
