import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutsidePost, faultOfTarget, fromNameServers, isPublicAddress } from './outside-post.ts'
import { openReceiver, type Receiver } from './receiver.testing.ts'

const NO_ANSWER = { failure: 'no answer within 0.05 s', isTimeout: true }

describe('an address of the internet', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '2a00:1450:4001:80b::200e', '2606:4700::1'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  )

  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '199.36.153.8',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fc00::1',
    'fd20:ce::254',
    'fe80::1',
    'ff02::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2600:2d00:2:2000::',
    'localhost',
    '',
  ])('%s is not', (address) => expect(isPublicAddress(address)).toBe(false))
})

describe('a target', () => {
  it.each([
    'https://example.com/hooks',
    'https://example.com:443/a?b=c',
    'https://93.184.215.14/',
    'https://run.app.example.com/',
  ])('%s may be tried', (url) => expect(faultOfTarget(url, 'public')).toBeUndefined())

  it.each([
    ['http://example.com/', 'begins with https://'],
    ['ftp://example.com/', 'begins with https://'],
    ['https://user:password@example.com/', 'has no name and no password'],
    ['https://example.com/#a', 'has no fragment'],
    ['https://example.com:8443/', 'has no port but that of https, 443'],
    ['https://93.184.215.14:22/', 'has no port but that of https, 443'],
    ['https://127.0.0.1/', 'is reachable from the internet'],
    // Other spellings of 127.0.0.1, which the parser of URLs makes one.
    ['https://2130706433/', 'is reachable from the internet'],
    ['https://0x7f.1/', 'is reachable from the internet'],
    ['https://[::1]/', 'is reachable from the internet'],
    ['https://[::ffff:169.254.169.254]/', 'is reachable from the internet'],
    ['https://localhost/', 'is reachable from the internet'],
    ['https://metadata.google.internal/', 'is reachable from the internet'],
    ['https://orders.localhost./', 'is reachable from the internet'],
    ['https://hooks-123456.europe-west3.run.app/a', 'has a domain of its own and not run.app'],
    ['https://localhost./', 'is reachable from the internet'],
    ['not an address', 'is no address'],
    [`https://example.com/${'x'.repeat(1_000)}`, 'has more than 1000 characters'],
  ])('%s is refused', (url, fault) => expect(faultOfTarget(url, 'public')).toBe(fault))

  it('may be a program on this machine where any target is allowed, and has a name and a password nowhere', () => {
    expect(faultOfTarget('http://127.0.0.1:3000/', 'any')).toBeUndefined()
    expect(faultOfTarget('http://user@127.0.0.1:3000/', 'any')).toBe('has no name and no password')
  })
})

describe('a post', () => {
  let receiver: Receiver
  beforeEach(async () => {
    receiver = await openReceiver()
  })
  afterEach(() => receiver.close())
  const content = { headers: { 'content-type': 'application/json', 'webhook-id': 'm-1' }, body: '{"a":"é"}' }

  it('arrives with its headers and its body, and returns the status', async () => {
    const post = createOutsidePost()
    expect(await post(receiver.url, { ...content, targets: 'any' })).toEqual({ status: 204 })
    expect(receiver.received).toMatchObject([{ headers: content.headers, body: content.body }])
    receiver.answer(500)
    expect(await post(receiver.url, { ...content, targets: 'any' })).toEqual({ status: 500 })
  })

  it('has so much of the answer as is named, and nothing otherwise', async () => {
    receiver.answer(200)
    const challenge = {
      ...content,
      body: JSON.stringify({ data: { challenge: 'x'.repeat(300) } }),
      targets: 'any',
    } as const
    const post = createOutsidePost()
    expect(await post(receiver.url, challenge)).toEqual({ status: 200 })
    expect(await post(receiver.url, { ...challenge, answerBytes: 100 })).toEqual({ status: 200, text: 'x'.repeat(100) })
    expect(await post(receiver.url, { ...challenge, answerBytes: 500 })).toEqual({ status: 200, text: 'x'.repeat(300) })
  })

  it.each(['HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', 'HTTP/1.1 200 OK\r\n\r\nabc'])(
    'whose answer %j does not end is over after its own time',
    async (bytes) => {
      const server = createServer((socket) => void socket.on('error', () => {}).once('data', () => socket.write(bytes)))
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const answer = createOutsidePost()(url, { ...content, targets: 'any', answerBytes: 10, timeoutMs: 50 })
      expect(await answer).toEqual(NO_ANSWER)
      server.close()
    },
  )

  it('goes to the address that was checked, whatever the name server answers next', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']]
    const post = createOutsidePost({ addressesOf: async () => answers.shift()! })
    const url = `http://receiver.test:${receiver.port}/hooks`
    expect(await post(url, { ...content, targets: 'any' })).toEqual({ status: 204 })
    expect(answers).toHaveLength(1)
    expect(receiver.received[0]!.headers['host']).toBe(`receiver.test:${receiver.port}`)
  })

  it.each([[['127.0.0.1']], [['93.184.215.14', '127.0.0.1']], [['::ffff:127.0.0.1']], [['169.254.169.254']]])(
    'to a name that leads to %j reaches no server',
    async (addresses) => {
      const post = createOutsidePost({ addressesOf: async () => addresses })
      const answer = await post('https://receiver.test/', { ...content, targets: 'public' })
      // It is refused before a connection, which would fail otherwise.
      expect(answer).toEqual({ failure: 'refused: the name leads to an address that is not public' })
    },
  )

  it('follows no redirect', async () => {
    const other = await openReceiver()
    receiver.answer(302, { location: other.url })
    expect(await createOutsidePost()(receiver.url, { ...content, targets: 'any' })).toEqual({ status: 302 })
    expect(other.received).toEqual([])
    await other.close()
  })

  it('without an answer in time ends, as does one whose name has no answer', async () => {
    receiver.answer(undefined)
    const post = createOutsidePost({ timeoutMs: 50, addressesOf: () => new Promise(() => {}) })
    expect(await post(receiver.url, { ...content, targets: 'any' })).toEqual(NO_ANSWER)
    expect(await post('http://receiver.test/', { ...content, targets: 'any' })).toEqual(NO_ANSWER)
  })

  it.each<[string, { readonly status?: number; readonly failure?: string }]>([
    ['HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', { status: 101 }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n', { status: 200 }],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, { failure: 'HPE_HEADER_OVERFLOW' }],
    ['HTTP/1.1 103 Early Hints\r\n\r\n', NO_ANSWER],
    ['HTTP/1.1 204', NO_ANSWER],
    ['SSH-2.0-OpenSSH\r\n', { failure: 'HPE_INVALID_CONSTANT' }],
  ])('that is answered %j ends', async (bytes, expected) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.write(bytes))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    // The short time is for those that give no answer: the others have one, on a busy machine too.
    const parts = expected === NO_ANSWER ? { timeoutMs: 50 } : {}
    expect(await createOutsidePost(parts)(url, { ...content, targets: 'any' })).toEqual(expected)
    server.close()
  })

  it('to a name with several addresses goes to one that answers', async () => {
    const post = createOutsidePost({ addressesOf: async () => ['::1', '127.0.0.1'] })
    const url = `http://receiver.test:${receiver.port}/hooks`
    expect(await post(url, { ...content, targets: 'any' })).toEqual({ status: 204 })
  })

  it('to a closed port, to a name without an address and to a refused target says why', async () => {
    const { url } = await openClosed()
    expect(await createOutsidePost()(url, { ...content, targets: 'any' })).toEqual({ failure: 'ECONNREFUSED' })
    const post = createOutsidePost({ addressesOf: async () => [] })
    expect(await post('https://receiver.test/', { ...content, targets: 'public' })).toEqual({
      failure: 'the name has no address',
    })
    expect(await post('http://receiver.test/', { ...content, targets: 'public' })).toEqual({
      failure: 'refused: the address begins with https://',
    })
  })
})

describe('the addresses of a name', () => {
  let server: Socket
  let port: number
  let questions: number
  const never = new AbortController().signal
  /** @param answer the address for a question of IPv4; undefined: no question is answered. */
  async function open(answer?: readonly [number, number, number, number]): Promise<void> {
    questions = 0
    server = createSocket('udp4').on('message', (question, from) => {
      questions += 1
      if (answer) server.send(answerTo(question, answer), from.port, from.address)
    })
    await new Promise<void>((resolve) => void server.bind(0, '127.0.0.1', resolve))
    ;({ port } = server.address())
  }
  afterEach(() => void server.close())
  const addressesOf = (host: string, signal = never) => fromNameServers([`127.0.0.1:${port}`])(host, signal)

  it('come from a name server', async () => {
    await open([93, 184, 215, 14])
    expect(await addressesOf('receiver.test')).toEqual(['93.184.215.14'])
  })

  it('that leads to a private address are refused by the post', async () => {
    await open([169, 254, 169, 254])
    const request = { headers: {}, body: '', targets: 'public' } as const
    expect(await createOutsidePost({ addressesOf })('https://receiver.test/', request)).toEqual({
      failure: 'refused: the name leads to an address that is not public',
    })
  })

  it('whose servers never answer hold no thread of the process, and are cancelled with the request', async () => {
    await open()
    const controller = new AbortController()
    const found = Promise.allSettled(Array.from({ length: 20 }, (_, n) => addressesOf(`r${n}.test`, controller.signal)))
    await once(server, 'message')
    expect(await readFile(import.meta.filename, 'utf8')).not.toBe('')
    controller.abort(new Error('The time is up.'))
    expect(new Set((await found).map(({ status }) => status))).toEqual(new Set(['rejected']))
    expect(questions).toBeGreaterThan(0)
  })
})

/** An answer of DNS: of a question for IPv4 one address, of any other none. */
function answerTo(question: Buffer, address: readonly number[]): Buffer {
  // Behind the head of 12 bytes is the name, which ends with 0, then type and class.
  const end = question.indexOf(0, 12) + 5
  const isIpv4 = question.readUInt16BE(end - 4) === 1
  const head = Buffer.from(question.subarray(0, 12))
  head.writeUInt16BE(0x81_80, 2)
  head.writeUInt16BE(isIpv4 ? 1 : 0, 6)
  head.writeUInt32BE(0, 8)
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address])
  return Buffer.concat([head, question.subarray(12, end), ...(isIpv4 ? [record] : [])])
}

async function openClosed(): Promise<Receiver> {
  const receiver = await openReceiver()
  await receiver.close()
  return receiver
}
