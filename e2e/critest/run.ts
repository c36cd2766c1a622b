/**
 * critest against a server of its own, on the test images:
 *   node_modules/node/bin/node e2e/critest/run.ts [--server gantry|containerd] [--network builtin|cni]
 *     [--report FILE] [--keep] [GROUP …]
 * Without groups: those that hack/test runs; `all`: the whole suite. Exit code 1 when a spec failed, or skipped without
 * a line in expected-skips. `--report` writes the specs as JSON; `--keep` leaves logs and state for a look.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { containerd, type Daemon, gantry, writeConflist } from '../harness/index.ts';
import { imageStorage, startRegistry, writeHosts } from '../images/index.ts';
import { required } from './groups.ts';
import type { Spec } from './results.ts';
import { runSuite } from './suite.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string', default: 'gantry' },
    network: { type: 'string', default: 'builtin' },
    report: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

const bridge = 'ge-critest';
const directory = mkdtempSync('/tmp/ge-');
// A pod in a user namespace must be able to walk to its root.
chmodSync(directory, 0o755);
const paths = { hosts: join(directory, 'hosts'), cni: join(directory, 'cni') };

function startServer(): { daemon: Daemon; socket: string } {
  const useCni = values.server === 'containerd' || values.network === 'cni';
  if (useCni) {
    writeConflist(paths.cni, {
      name: 'critest',
      bridge,
      subnet: '10.97.0.0/16',
      dataDir: join(directory, 'ipam'),
    });
  }
  const common = { directory: join(directory, 's'), hostsDir: paths.hosts, cniConfDir: paths.cni };
  if (values.server === 'containerd') return containerd(common);
  const config = `builtin-bridge = "${bridge}"\nbuiltin-subnet = "10.97.0.0/16"\n`;
  return gantry({ ...common, config, network: useCni ? 'cni' : 'builtin' });
}

function print(spec: Spec): void {
  process.stdout.write(`${spec.outcome.padEnd(8)}${spec.seconds.toFixed(1).padStart(6)} s  ${spec.name}\n`);
  if (spec.outcome !== 'passed')
    process.stdout.write(`${spec.message.slice(0, 2000).replace(/^/gm, '    ')}\n`);
}

const storage = await imageStorage();
const registry = await startRegistry({ storage, directory: join(directory, 'registry') });
writeHosts(paths.hosts, registry.url);
const server = startServer();
try {
  await server.daemon.start();
  const chosen = positionals.includes('all') ? [] : positionals;
  const isDefault = positionals.length === 0;
  const result = await runSuite({ socket: server.socket, groups: isDefault ? required : chosen, directory });
  result.specs.forEach(print);
  const count = (outcome: string): number => result.specs.filter((spec) => spec.outcome === outcome).length;
  process.stdout.write(
    `critest: passed ${count('passed')}, failed ${count('failed')}, skipped ${count('skipped')}\n`,
  );
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(result));
  if (result.unexpected.length > 0) process.exitCode = 1;
} finally {
  await server.daemon.stop();
  await registry.stop();
  spawnSync('ip', ['link', 'delete', bridge]);
  if (values.keep) process.stdout.write(`kept: ${directory}\n`);
  else rmSync(directory, { recursive: true, force: true });
}
