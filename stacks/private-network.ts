/** The network through which services reach each other: run.app resolves to Google's private addresses. */

import { Construct } from 'constructs'
import type { Environment } from './environments.ts'
import { ComputeNetwork, ComputeSubnetwork, DnsManagedZone, DnsRecordSet } from './google.ts'

/** private.googleapis.com: https://cloud.google.com/vpc/docs/configure-private-google-access#domain-options */
const privateAddresses = ['199.36.153.8', '199.36.153.9', '199.36.153.10', '199.36.153.11']
export const networkName = 'millrace'

export class PrivateNetwork extends Construct {
  constructor(scope: Construct, id: string, { environment }: { readonly environment: Environment }) {
    super(scope, id)
    const network = new ComputeNetwork(this, 'vpc', { name: networkName, autoCreateSubnetworks: false })
    new ComputeSubnetwork(this, 'subnet', {
      name: networkName,
      network: network.id,
      region: environment.region,
      // Direct VPC egress takes an address per instance, twice that during a release.
      ipCidrRange: '10.8.0.0/20',
      privateIpGoogleAccess: true,
    })
    // Without this zone a call from one internal service to another leaves the VPC and is refused.
    const zone = new DnsManagedZone(this, 'run-app', {
      name: 'run-app',
      dnsName: 'run.app.',
      visibility: 'private',
      privateVisibilityConfig: { networks: [{ networkUrl: network.id }] },
    })
    new DnsRecordSet(this, 'run-app-addresses', {
      managedZone: zone.name,
      name: '*.run.app.',
      type: 'A',
      ttl: 300,
      rrdatas: privateAddresses,
    })
  }
}
