import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programs } from '../harness/index.ts';
import { nginx, staticProgram } from '../images/bases.ts';
import {
  busybox,
  type Image,
  keptStorage,
  makeImage,
  makeLayer,
  type Registry,
  startRegistry,
  Tree,
  writeHosts,
} from '../images/index.ts';
import { keyOf } from '../kubelet/harness/images.ts';

const e2e = 'e2e-test-images';
const shell = { Cmd: ['sh'] };

/** Of busybox' applet of that name, which Debian's has not, what the suite calls: `nmeter -d0 %3t`, the time of day in milliseconds. */
const nmeter = `#include <stdio.h>
#include <time.h>
int main(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct tm *day = gmtime(&now.tv_sec);
  printf("%02d:%02d:%02d.%03ld\\n", day->tm_hour, day->tm_min, day->tm_sec, now.tv_nsec / 1000000);
}
`;

/** The names of Kubernetes v1.37.2 (test/utils/image/manifest.go), in registry.k8s.io. */
async function images(): Promise<Map<string, Image>> {
  // glibc asks name servers first where nothing is said, and there is none.
  const clock = await makeLayer(
    staticProgram('bin/nmeter', nmeter).file('etc/nsswitch.conf', 'hosts: files dns\n'),
  );
  const base = await makeLayer(busybox());
  const member = busybox({
    users: ['user-defined-in-image:x:1000:1000::/home:/bin/sh'],
    groups: ['user-defined-in-image:x:1000:', 'group-defined-in-image:x:50000:user-defined-in-image'],
  });
  const program = new Tree()
    .directory('uploads')
    .program('bin/bash', '/bin/bash')
    .program('usr/bin/curl', '/usr/bin/curl')
    .file('localhost.crt', readFileSync(join(porter(), 'localhost.crt')))
    .file('localhost.key', readFileSync(join(porter(), 'localhost.key')))
    .program('agnhost', join(programs.tools, 'agnhost'))
    .hardlink('agnhost-2', 'agnhost');
  const agnhost = makeImage([await makeLayer(member), clock, await makeLayer(program)], {
    Entrypoint: ['/agnhost'],
    Cmd: ['pause'],
  });
  const foreground = { Cmd: ['nginx', '-g', 'daemon off;'], StopSignal: 'SIGQUIT' };
  const server = makeImage([await makeLayer(nginx(80))], foreground);
  const whoami =
    '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("Effective uid: %d\\n", geteuid()); }\n';
  const setuid = staticProgram('usr/local/bin/nnp', whoami, { mode: 0o6755 });
  const pause = staticProgram('pause', polite);
  return new Map<string, Image>([
    [`${e2e}/agnhost:2.66.1`, agnhost],
    [`${e2e}/agnhost:2.55`, agnhost],
    [`${e2e}/busybox:1.37.0-2`, makeImage([base, clock], shell)],
    [`${e2e}/ipc-utils:1.4`, makeImage([base], shell)],
    [`${e2e}/glibc-dns-testing:2.1.1`, makeImage([base, clock], shell)],
    [`${e2e}/nonroot:1.5`, makeImage([base], { ...shell, User: '1234' })],
    [`${e2e}/nginx:1.27.0-2`, server],
    [`${e2e}/nginx:1.28.0-2`, server],
    [`${e2e}/nonewprivs:1.4`, makeImage([base, await makeLayer(setuid)], { Cmd: ['nnp'] })],
    ['pause:3.10.2', makeImage([await makeLayer(pause)], { User: '65535:65535', Entrypoint: ['/pause'] })],
  ]);
}

/** The pause image's program, which ends when it is asked to. */
const polite = `#include <signal.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  for (;;) pause();
}
`;

/** Where Kubernetes' module has the certificate of agnhost's TLS server. */
function porter(): string {
  const cwd = fileURLToPath(new URL('../kubelet', import.meta.url));
  const format = ['-f', '{{.Dir}}', 'k8s.io/kubernetes'];
  const module = execFileSync('go', ['list', '-m', ...format], { cwd, encoding: 'utf8' }).trim();
  return join(module, 'test/images/agnhost/porter');
}

/** A registry that stands for registry.k8s.io; for the server whose hosts.toml files are in `hosts`. */
export async function startNodeRegistry(directory: string, hosts: string): Promise<Registry> {
  const storage = await keptStorage('node-e2e', keyOf(import.meta.url), async (pusher) => {
    for (const [name, image] of await images()) await pusher.push(name, image);
  });
  const registry = await startRegistry({ storage, directory });
  writeHosts(hosts, registry.url, ['registry.k8s.io']);
  return registry;
}
