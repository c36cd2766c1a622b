/** A test host with an uplink to another machine, in the documentation's address ranges; what tests of the bridge look at. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseRange } from '../builtin/address.ts';
import { Leases, leasesRange } from '../builtin/leases.ts';
import type { NetworkRecord, PortMapping } from '../index.ts';
import { requestFor, TestHost, type TestPod, TestSite } from './host.ts';

export interface UpPod {
  readonly pod: TestPod;
  readonly record: NetworkRecord;
}

export class BridgeSite extends TestSite {
  host!: TestHost;
  /** The other machine's namespace: 192.0.2.2 and 2001:db8::2; the host's are …1. */
  outside = '';
  /** Of every pod that was made on `host`. */
  readonly records: NetworkRecord[] = [];

  async open(): Promise<void> {
    const netns = await this.namespace('host');
    this.outside = await this.namespace('outside');
    this.sh(netns, `ip link add gntup0 type veth peer name gntup1 netns ${this.outside}`);
    this.sh(netns, 'ip link set gntup0 mtu 1450 up; ip addr add 192.0.2.1/24 dev gntup0');
    this.sh(netns, 'ip addr add 2001:db8::1/64 dev gntup0 nodad; ip route add default via 192.0.2.2');
    this.sh(this.outside, 'ip link set gntup1 mtu 1450 up; ip addr add 192.0.2.2/24 dev gntup1');
    this.sh(this.outside, 'ip addr add 2001:db8::2/64 dev gntup1 nodad');
    this.host = new TestHost(this, netns);
  }

  async podUp(portMappings: PortMapping[] = [], on = this.host): Promise<UpPod> {
    const pod = await on.pod('pod');
    const record = await on.setUp(requestFor(pod, { portMappings, podName: pod.id.slice(0, 6) }));
    if (on === this.host) this.records.push(record);
    return { pod, record };
  }

  /** The addresses that are reserved, as the files say. */
  reserved(on = this.host): string[] {
    const directory = join(on.config.root, 'network', on.config.builtinBridge);
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .flatMap((name) => {
        const cidr = leasesRange(name);
        if (cidr === undefined) return [];
        const leases = new Leases(directory, parseRange(cidr));
        const addresses = [...leases.all().keys()];
        leases.close();
        return addresses;
      })
      .sort();
  }

  /** Whether the pod's link is up and on the bridge. */
  isConnected(record: NetworkRecord, on = this.host): boolean {
    const { hostName } = record.details as { hostName: string };
    return this.sh(on.netns, `ip -br link show master ${on.config.builtinBridge}`)
      .split('\n')
      .some((line) => line.startsWith(`${hostName}@`) && /\bUP\b/.test(line));
  }

  /** The host's ends of pods' links. */
  links(on = this.host): string[] {
    return this.sh(on.netns, 'ip -br link')
      .split('\n')
      .flatMap((line) => line.match(/^veth\S+/)?.[0] ?? []);
  }
}

export function port(hostPort: number, containerPort: number, more: Partial<PortMapping> = {}): PortMapping {
  return { protocol: 'tcp', hostPort, containerPort, hostIp: '', ...more };
}
