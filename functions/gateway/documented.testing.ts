/** The gateway for tests of its documents, which calls no other service. */

import type { Hono } from 'hono'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { gateway, testEdge, unusedIssuer } from './edge.testing.ts'

export const documentedGateway = (changes: Partial<typeof unusedIssuer> = {}): Hono =>
  createHttpApp(
    app,
    testPlatform(gateway, {
      settings: {
        EDGE: testEdge(),
        ...unusedIssuer,
        ...changes,
        PAYMENT_PROVIDER_URL: 'http://127.0.0.1:1',
      },
    }),
    testConfig('gateway'),
  )
