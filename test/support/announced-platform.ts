/** A platform with its data in a directory of its own, by which commands find it. */

import { announce, temporaryDirectory } from './command.ts'
import { startTestPlatform, type TestPlatform, type TestPlatformOptions } from './platform.ts'

export interface AnnouncedPlatform {
  readonly platform: TestPlatform
  readonly dataDirectory: string
  /** Ends the platform and removes its data. */
  close(): Promise<void>
}

export async function startAnnouncedPlatform(options: TestPlatformOptions = {}): Promise<AnnouncedPlatform> {
  const data = temporaryDirectory()
  const platform = await startTestPlatform({ ...options, dataDirectory: data.path })
  announce(platform, data.path)
  return {
    platform,
    dataDirectory: data.path,
    async close() {
      await platform.close()
      data.remove()
    },
  }
}
