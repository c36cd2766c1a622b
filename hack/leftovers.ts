/**
 * What the tests have left on the host: mounts, network namespaces, links, addresses, nftables, iptables rules, cgroups, loop
 * devices, processes, directories. Two calls, before and after; the second prints what has come since, and fails if anything has.
 *   node hack/leftovers.ts before FILE
 *   node hack/leftovers.ts after FILE
 * GANTRY_E2E_FOREIGN is a regular expression for lines that somebody else on this machine is to answer for.
 */
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type HostState, hostState, leaked } from '../e2e/harness/leaks.ts';

/** Where tests and servers of theirs keep things. */
const places: readonly [string, RegExp][] = [
  ['/tmp', /^(ge|gnt|gantry|image|keeper|executor|pod-records)-/],
  ['/run', /^gantry/],
  ['/var/lib', /^gantry/],
];

function directories(): Set<string> {
  const found = places.flatMap(([directory, names]) =>
    readdirSync(directory)
      .filter((name) => names.test(name))
      .map((name) => `${directory}/${name}`),
  );
  return new Set(found);
}

/** What was started out of this repository or on such a place, in whatever namespaces; this program and its parent aside. */
function programs(): Set<string> {
  const repository = fileURLToPath(new URL('..', import.meta.url));
  const found = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if ([process.pid, process.ppid].includes(Number(pid))) continue;
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (argv.includes(repository) || argv.includes('/tmp/ge-')) found.add(`${pid} ${argv.slice(0, 150)}`);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

function everything(): HostState {
  return new Map([...hostState(), ['program', programs()], ['file', directories()]]);
}

function save(file: string): void {
  const state = [...everything()].map(([kind, things]) => [kind, [...things]]);
  writeFileSync(file, JSON.stringify(state));
}

function load(file: string): HostState {
  const state = JSON.parse(readFileSync(file, 'utf8')) as [string, string[]][];
  return new Map(state.map(([kind, things]) => [kind, new Set(things)]));
}

function since(before: HostState): string[] {
  const foreign = process.env['GANTRY_E2E_FOREIGN'];
  return leaked(before, everything()).filter(
    (line) => foreign === undefined || !new RegExp(foreign).test(line),
  );
}

/** The parent of pods that name none stays for the next one. Here there is none: that it can be removed proves it empty. */
function removeDefaultParent(before: HostState): void {
  for (const path of hostState().get('cgroup') ?? []) {
    if (!path.endsWith('/gantry') || before.get('cgroup')?.has(path)) continue;
    try {
      rmdirSync(path);
    } catch {
      // Something is in it, and will be named.
    }
  }
}

const [when = '', file = ''] = process.argv.slice(2);
if (file === '' || (when !== 'before' && when !== 'after')) {
  throw new Error('usage: node hack/leftovers.ts before|after FILE');
}
if (when === 'before') {
  save(file);
} else {
  const before = load(file);
  removeDefaultParent(before);
  let left = since(before);
  // Reaping and lazy unmounts take a moment; a leak stays.
  for (let attempt = 0; attempt < 20 && left.length > 0; attempt += 1) {
    await sleep(250);
    left = since(before);
  }
  for (const line of left) process.stdout.write(`${line}\n`);
  process.stdout.write(left.length === 0 ? 'nothing is left\n' : `${left.length} things are left\n`);
  process.exitCode = left.length === 0 ? 0 : 1;
}
