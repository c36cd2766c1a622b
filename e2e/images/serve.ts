/**
 * Serves the test images on a loopback port until it is interrupted, and writes hosts.toml files that lead to it:
 *   node_modules/node/bin/node e2e/images/serve.ts HOSTS_DIRECTORY [bench]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeHosts } from './hosts.ts';
import { startRegistry } from './registry.ts';
import { imageStorage } from './store.ts';

const [hosts = 'build/hosts', selection] = process.argv.slice(2);
const storage = await imageStorage(selection === 'bench' ? 'bench' : 'test');
const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-'));
const registry = await startRegistry({ storage, directory });
writeHosts(hosts, registry.url);
process.stdout.write(`${registry.url} (hosts.toml files in ${hosts})\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void registry.stop().then(() => {
      rmSync(directory, { recursive: true });
      process.exit(0);
    });
  });
}
