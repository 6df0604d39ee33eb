/** The setting of shipping: where the carrier is. */

import { defineSetting, httpUrl } from '../../shared/base/setting.ts'

export const carrierUrl = defineSetting('CARRIER_URL', httpUrl)
