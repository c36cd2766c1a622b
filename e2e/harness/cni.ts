import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CniNetwork {
  readonly name: string;
  /** At most 15 characters; made by the bridge plug-in, and left behind by it: remove it yourself. */
  readonly bridge: string;
  /** `10.1.2.0/24` */
  readonly subnet: string;
  /** Where host-local keeps its reservations. */
  readonly dataDir: string;
}

/** Writes a conflist of the reference plug-ins bridge, host-local and portmap, as most single nodes have it. */
export function writeConflist(confDir: string, network: CniNetwork): void {
  mkdirSync(confDir, { recursive: true });
  const conflist = {
    cniVersion: '1.0.0',
    name: network.name,
    plugins: [
      {
        type: 'bridge',
        bridge: network.bridge,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: network.subnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: network.dataDir,
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  };
  writeFileSync(join(confDir, '10-test.conflist'), JSON.stringify(conflist, null, 2));
}
