import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { requireFreeInspector } from './inspector-port.ts'

it('an inspector is refused while another program has its port, by name, and taken afterwards', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const refusal = new RegExp(
    `^The inspector of seating can not open: port ${port} is held( by node.* \\(process ${process.pid}\\))?\\. End that`,
  )
  await expect(requireFreeInspector('seating', port)).rejects.toThrow(refusal)
  other.close()
  await once(other, 'close')
  await requireFreeInspector('seating', port)
  await requireFreeInspector('seating', port)
})
