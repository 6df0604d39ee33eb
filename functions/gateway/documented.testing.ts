/** The gateway for tests of its documents, which calls no other service. */

import type { Hono } from 'hono'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge } from './edge.testing.ts'

export const documentedGateway = (): Hono =>
  createHttpApp(
    app,
    testPlatform(gateway, {
      settings: {
        EDGE: testEdge(),
        TOKEN_ISSUER: 'https://issuer.example.com',
        TOKEN_AUDIENCE: 'shop',
        TOKEN_JWKS_URL: 'http://127.0.0.1:1/jwks',
        ACCOUNTS_URL: 'http://127.0.0.1:1',
        STAFF_SECOND_FACTOR: 'required',
        OTHER_SYSTEM_URL: 'off',
        PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      },
    }),
    testConfig('gateway'),
  )
