import { busybox, httpd, nginx, staticProgram } from './bases.ts';
import { type Image, type Index, makeImage, type RunConfig } from './image.ts';
import { makeLayer } from './layer.ts';
import { Tree } from './tree.ts';

/** A tag as the registry has it, without the host, and what it points to. */
export type Catalogue = ReadonlyMap<string, Image | Index>;

const staging = 'k8s-staging-cri-tools';
const e2e = 'e2e-test-images';
const shell: RunConfig = { Cmd: ['sh'] };

/** The images that critest wants under their upstream names (cri-tools: pkg/validate/consts.go, images/). */
export async function critestImages(): Promise<Catalogue> {
  const base = await makeLayer(busybox());
  const images = new Map<string, Image>();
  const numbered = async (n: string): Promise<Image> =>
    makeImage([base, await makeLayer(new Tree().file(n, `${n}\n`))], shell);

  images.set(`${e2e}/busybox:1.29-2`, makeImage([base], shell));
  await addServers(images);
  await addPrograms(images);

  for (const name of ['1', '2', '3', 'latest', 'digest']) {
    images.set(`${staging}/test-image-${name}:latest`, await numbered(name));
  }
  for (const tag of ['test', 'all'])
    images.set(`${staging}/test-image-tag:${tag}`, await numbered(`tag-${tag}`));
  const tags = await numbered('tags');
  for (const tag of ['1', '2', '3']) images.set(`${staging}/test-image-tags:${tag}`, tags);

  const users = {
    uid: '1002',
    username: 'www-data',
    'uid-group': '1003:1004',
    'username-group': 'www-data:1004',
  };
  for (const [name, User] of Object.entries(users)) {
    images.set(`${staging}/test-image-user-${name}:latest`, makeImage([base], { ...shell, User }));
  }
  const member = busybox({
    users: ['default-user:x:1000:1000:default-user:/home:/bin/sh'],
    groups: ['default-user:x:1000:', 'group-defined-in-image:x:50000:default-user'],
  });
  images.set(
    `${staging}/test-image-predefined-group:latest`,
    makeImage([await makeLayer(member)], { ...shell, User: '1000' }),
  );
  return images;
}

async function addServers(images: Map<string, Image>): Promise<void> {
  const foreground: RunConfig = { Cmd: ['nginx', '-g', 'daemon off;'], StopSignal: 'SIGQUIT' };
  images.set(`${e2e}/nginx:1.14-2`, makeImage([await makeLayer(nginx(80))], foreground));
  for (const architecture of ['amd64', 'arm64']) {
    images.set(
      `${staging}/hostnet-nginx-${architecture}:latest`,
      makeImage([await makeLayer(nginx(12003))], foreground),
    );
  }
  const command: RunConfig = {
    Cmd: ['httpd', '-D', 'FOREGROUND', '-f', '/etc/httpd.conf'],
    StopSignal: 'SIGWINCH',
  };
  images.set(`${e2e}/httpd:2.4.39-4`, makeImage([await makeLayer(httpd())], command));
}

async function addPrograms(images: Map<string, Image>): Promise<void> {
  const whoami =
    '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("Effective uid: %d\\n", geteuid()); }\n';
  const setuid = staticProgram('nnp', whoami, { mode: 0o4755 });
  images.set(`${e2e}/nonewprivs:1.3`, makeImage([await makeLayer(setuid)], { Entrypoint: ['/nnp'] }));
  const pause = '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n';
  images.set(
    'pause:3.9',
    makeImage([await makeLayer(staticProgram('pause', pause))], { Entrypoint: ['/pause'] }),
  );
}
