/** Tokens that must be rejected: https://www.rfc-editor.org/rfc/rfc8725, and known attacks on other products. */

import {
  createHmac,
  createPublicKey,
  createSign,
  constants,
  generateKeyPairSync,
  type KeyObject,
  sign as signWith,
} from 'node:crypto'

type Json = Record<string, unknown>

/** A valid token in its parts, with the key that signs such tokens. */
export interface Genuine {
  readonly header: Json
  readonly claims: Json
  readonly key: KeyObject
}

export interface Attempt {
  readonly headers?: Record<string, string>
  /** Appended to the URL. */
  readonly query?: string
}

const base64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const rs256 = (text: string, key: KeyObject): string => createSign('RSA-SHA256').update(text).sign(key, 'base64url')

/** Signs this header and these claims with the genuine key. */
export function signed({ header, claims, key }: Genuine): string {
  const text = `${base64(header)}.${base64(claims)}`
  return `${text}.${rs256(text, key)}`
}

/** Signs texts in place of JSON that no serializer would write. */
function signedText(header: string, claims: string, key: KeyObject): string {
  const text = `${base64(header)}.${base64(claims)}`
  return `${text}.${rs256(text, key)}`
}

const { privateKey: thiefs } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { privateKey: curve } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: edwards } = generateKeyPairSync('ed25519')
const jwkOf = (key: KeyObject): Json => ({ ...createPublicKey(key).export({ format: 'jwk' }) })
const pemOf = (key: KeyObject): string => createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string

function unsigned({ claims }: Genuine, alg: unknown): string {
  return `${base64({ alg, typ: 'JWT' })}.${base64(claims)}.`
}

function hmac({ header, claims }: Genuine, alg: 'HS256' | 'HS384' | 'HS512', secret: string): string {
  const text = `${base64({ ...header, alg })}.${base64(claims)}`
  return `${text}.${createHmac(`sha${alg.slice(2)}`, secret)
    .update(text)
    .digest('base64url')}`
}

function otherAlgorithm({ header, claims }: Genuine, alg: string, sign: (text: Buffer) => Buffer): string {
  const text = `${base64({ ...header, alg })}.${base64(claims)}`
  return `${text}.${sign(Buffer.from(text)).toString('base64url')}`
}

const withHeader = (genuine: Genuine, more: Json): string =>
  signed({ ...genuine, header: { ...genuine.header, ...more } })
const withClaims = (genuine: Genuine, more: Json): string =>
  signed({ ...genuine, claims: { ...genuine.claims, ...more } })
const without = (genuine: Genuine, claim: string): string => {
  const { [claim]: _, ...claims } = genuine.claims
  return signed({ ...genuine, claims })
}
/** Signs by the attacker's key, with any header. */
const stolen = (genuine: Genuine, more: Json = {}): string =>
  signed({ ...genuine, header: { ...genuine.header, ...more }, key: thiefs })
const parts = (genuine: Genuine): [string, string, string] => signed(genuine).split('.') as [string, string, string]
const now = (): number => Math.floor(Date.now() / 1000)

/** A token in the Authorization header, by the name of its kind. */
export const tokens: Readonly<Record<string, (genuine: Genuine) => string>> = {
  'alg none': (g) => unsigned(g, 'none'),
  'alg None': (g) => unsigned(g, 'None'),
  'alg NONE': (g) => unsigned(g, 'NONE'),
  'alg nOnE': (g) => unsigned(g, 'nOnE'),
  'alg empty': (g) => unsigned(g, ''),
  'alg null': (g) => unsigned(g, null),
  'alg absent': (g) => unsigned(g, undefined),
  'alg a list': (g) => unsigned(g, ['none', 'RS256']),
  'alg none, the signature kept': (g) => unsigned(g, 'none') + parts(g)[2],
  'alg none, two parts': (g) => unsigned(g, 'none').slice(0, -1),
  'HS256 with the public key as PEM': (g) => hmac(g, 'HS256', pemOf(g.key)),
  'HS256 with the public key as PEM, trimmed': (g) => hmac(g, 'HS256', pemOf(g.key).trim()),
  'HS384 with the public key as PEM': (g) => hmac(g, 'HS384', pemOf(g.key)),
  'HS512 with the public key as PEM': (g) => hmac(g, 'HS512', pemOf(g.key)),
  'HS256 with the public key as JWK': (g) => hmac(g, 'HS256', JSON.stringify(jwkOf(g.key))),
  'HS256 with the modulus': (g) => hmac(g, 'HS256', String(jwkOf(g.key)['n'])),
  'HS256 with an empty secret': (g) => hmac(g, 'HS256', ''),
  'HS256 with the key id as secret': (g) => hmac(g, 'HS256', String(g.header['kid'])),
  'another RSA key under the same kid': (g) => stolen(g),
  'RS512 by the right key': (g) => otherAlgorithm(g, 'RS512', (text) => signWith('sha512', text, g.key)),
  'PS256 by the right key': (g) =>
    otherAlgorithm(g, 'PS256', (text) =>
      signWith('sha256', text, { key: g.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    ),
  'ES256 under the same kid': (g) =>
    otherAlgorithm(g, 'ES256', (text) => signWith('sha256', text, { key: curve, dsaEncoding: 'ieee-p1363' })),
  'ES256 with a signature of zeros': (g) => otherAlgorithm(g, 'ES256', () => Buffer.alloc(64)),
  'EdDSA under the same kid': (g) => otherAlgorithm(g, 'EdDSA', (text) => signWith(null, text, edwards)),
  'an unknown kid': (g) => stolen(g, { kid: 'unknown' }),
  'no kid': (g) => stolen(g, { kid: undefined }),
  'a kid that is a path': (g) => stolen(g, { kid: '../../../dev/null' }),
  'a kid that is SQL': (g) => stolen(g, { kid: "x' UNION SELECT 'key" }),
  'a kid that is an object': (g) => stolen(g, { kid: { toString: 'x' } }),
  'its own key in jwk': (g) => stolen(g, { jwk: jwkOf(thiefs) }),
  'its own key in jwk, without kid': (g) => stolen(g, { jwk: jwkOf(thiefs), kid: undefined }),
  'its own key at jku': (g) => stolen(g, { jku: 'http://127.0.0.1:9/jwks', kid: 'thief' }),
  'its own key at x5u': (g) => stolen(g, { x5u: 'http://127.0.0.1:9/cert', kid: 'thief' }),
  'its own key in x5c': (g) =>
    stolen(g, { x5c: [createPublicKey(thiefs).export({ type: 'spki', format: 'der' }).toString('base64')] }),
  'an unknown crit': (g) => withHeader(g, { crit: ['exp-of-my-own'], 'exp-of-my-own': 1 }),
  'crit that is empty': (g) => withHeader(g, { crit: [] }),
  'crit that is a text': (g) => withHeader(g, { crit: 'exp' }),
  'b64 false': (g) => withHeader(g, { crit: ['b64'], b64: false }),
  'a token in a token': (g) => signedText(JSON.stringify({ ...g.header, cty: 'JWT' }), signed(g), g.key),
  'a token in a token of a thief': (g) => signedText(JSON.stringify({ ...g.header, cty: 'JWT' }), signed(g), thiefs),
  'five parts, as if encrypted': (g) =>
    `${base64({ alg: 'dir', enc: 'A128GCM' })}..${base64('iv')}.${base64(g.claims)}.${base64('tag')}`,
  'JSON serialization': (g) => {
    const [header, payload, signature] = parts(g)
    return base64({ payload, signatures: [{ protected: header, signature }] })
  },
  'alg twice': (g) => {
    const header = JSON.stringify(g.header)
      .replace('{', '{"alg":"RS256",')
      .replace(/"alg":"RS256"(?!,)/, '"alg":"none"')
    return signedText(header.replace(/}$/, ',"alg":"none"}'), JSON.stringify(g.claims), g.key)
  },
  'aud twice, the last another': (g) =>
    signedText(JSON.stringify(g.header), JSON.stringify(g.claims).replace(/}$/, ',"aud":"https://elsewhere"}'), g.key),
  'exp twice, the last past': (g) =>
    signedText(JSON.stringify(g.header), JSON.stringify(g.claims).replace(/}$/, `,"exp":${now() - 3600}}`), g.key),
  expired: (g) => withClaims(g, { exp: now() - 60, iat: now() - 3660 }),
  'exp absent': (g) => without(g, 'exp'),
  'exp a text': (g) => withClaims(g, { exp: String(now() + 3600) }),
  'exp null': (g) => withClaims(g, { exp: null }),
  'exp negative': (g) => withClaims(g, { exp: -1 }),
  'not valid yet': (g) => withClaims(g, { nbf: now() + 3600 }),
  'nbf a text': (g) => withClaims(g, { nbf: 'now' }),
  'iat absent': (g) => without(g, 'iat'),
  'iat a text': (g) => withClaims(g, { iat: 'now' }),
  'aud absent': (g) => without(g, 'aud'),
  'aud empty': (g) => withClaims(g, { aud: '' }),
  'aud an empty list': (g) => withClaims(g, { aud: [] }),
  'aud of another': (g) => withClaims(g, { aud: 'http://127.0.0.1:9' }),
  'aud with more behind': (g) => withClaims(g, { aud: `${String(g.claims['aud'])}.evil.example` }),
  'aud with a slash behind': (g) => withClaims(g, { aud: `${String(g.claims['aud'])}/` }),
  'aud in capitals': (g) => withClaims(g, { aud: String(g.claims['aud']).toUpperCase() }),
  'aud an object': (g) => withClaims(g, { aud: { 0: g.claims['aud'] } }),
  'iss absent': (g) => without(g, 'iss'),
  'iss of another': (g) => withClaims(g, { iss: 'https://evil.example' }),
  'iss with more behind': (g) => withClaims(g, { iss: `${String(g.claims['iss'])}.evil.example` }),
  'iss a list': (g) => withClaims(g, { iss: [g.claims['iss']] }),
  'sub absent': (g) => without(g, 'sub'),
  'sub a number': (g) => withClaims(g, { sub: 1 }),
  'no claims': (g) => signed({ ...g, claims: {} }),
  'claims a list': (g) => signedText(JSON.stringify(g.header), '[]', g.key),
  'claims no JSON': (g) => signedText(JSON.stringify(g.header), 'sub=admin', g.key),
  'header no JSON': (g) => signedText('RS256', JSON.stringify(g.claims), g.key),
  'claims changed after signing': (g) => {
    const [header, , signature] = parts(g)
    return `${header}.${base64({ ...g.claims, sub: 'another', email: 'another@example.com' })}.${signature}`
  },
  'header changed after signing': (g) => {
    const [, payload, signature] = parts(g)
    return `${base64({ ...g.header, x: 1 })}.${payload}.${signature}`
  },
  'signature removed': (g) => parts(g).slice(0, 2).join('.'),
  'signature empty': (g) => `${parts(g).slice(0, 2).join('.')}.`,
  'signature removed by Google': (g) => `${parts(g).slice(0, 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`,
  'signature cut': (g) => signed(g).slice(0, -8),
  'signature with one letter changed': (g) => {
    const token = signed(g)
    const at = token.length - 40
    return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
  },
  'signature of another token': (g) =>
    `${parts(g).slice(0, 2).join('.')}.${parts({ ...g, claims: { ...g.claims, sub: 'x' } })[2]}`,
  'a part too many': (g) => `${signed(g)}.${base64('more')}`,
  'an opaque token': () => 'ya29.local.0123456789abcdef0123456789abcdef',
  dots: () => '..',
  nonsense: () => 'nonsense',
  'far too long': (g) => withClaims(g, { padding: 'x'.repeat(20_000) }),
}

/** The genuine token in a wrong place. */
export const places: Readonly<Record<string, (token: string) => Attempt>> = {
  'no token': () => ({}),
  'in the query as access_token': (token) => ({ query: `access_token=${token}` }),
  'in the query as token': (token) => ({ query: `token=${token}` }),
  'in a cookie': (token) => ({ headers: { cookie: `token=${token}; authorization=Bearer ${token}` } }),
  'in X-Forwarded-Authorization': (token) => ({ headers: { 'x-forwarded-authorization': `Bearer ${token}` } }),
  'in Proxy-Authorization': (token) => ({ headers: { 'proxy-authorization': `Bearer ${token}` } }),
  'with the scheme Basic': (token) => ({ headers: { authorization: `Basic ${token}` } }),
  'with the scheme Token': (token) => ({ headers: { authorization: `Token ${token}` } }),
  'without a scheme': (token) => ({ headers: { authorization: token } }),
  'twice in one header': (token) => ({ headers: { authorization: `Bearer ${token}, Bearer ${token}` } }),
  'with something behind': (token) => ({ headers: { authorization: `Bearer ${token} more` } }),
  'an empty bearer': () => ({ headers: { authorization: 'Bearer ' } }),
}
