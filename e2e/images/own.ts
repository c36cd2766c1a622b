import { busybox, staticProgram } from './bases.ts';
import type { Catalogue } from './critest.ts';
import { type Image, type Index, makeDockerImage, makeImage, makeIndex, type Platform } from './image.ts';
import { type Layer, makeLayer } from './layer.ts';
import { Tree } from './tree.ts';

/** The images of our own tests: `gantry.test/<name>`. Nothing outside this repository has that host name. */
export async function ownImages(): Promise<Catalogue> {
  const base = await makeLayer(busybox());
  const images = new Map<string, Image | Index>([
    ['base:1', makeImage([base], { Cmd: ['sh'] })],
    ['docker:1', makeDockerImage([base], { Cmd: ['sh'] })],
    ['big:1', makeImage([base, await makeLayer(new Tree().file('big', noise(24, 'big')))], {})],
    ['config:1', configured(base)],
    ['platforms:1', await platforms(base)],
    ['layers:1', makeImage([base, ...(await stacked())], { Cmd: ['sh'] })],
    ['peer/pause:1', await pause()],
  ]);
  return images;
}

/** Every field of an image config that decides how a container runs. */
function configured(base: Layer): Image {
  return makeImage([base], {
    User: '1002:33',
    Env: ['PATH=/bin', 'FROM_IMAGE=yes', 'BOTH=image'],
    Entrypoint: ['/bin/sh', '-c', 'echo "$0 $*"; pwd; id; env | sort; exec sleep 3600'],
    Cmd: ['zero', 'one two', 'three'],
    WorkingDir: '/made/by/the/image',
    StopSignal: 'SIGUSR1',
    Volumes: { '/volume': {} },
    ExposedPorts: { '80/tcp': {} },
    Labels: { 'test.gantry/kind': 'config' },
  });
}

async function platforms(base: Layer): Promise<Index> {
  const all: Platform[] = [
    { os: 'linux', architecture: 's390x' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
    { os: 'linux', architecture: 'amd64' },
    { os: 'windows', architecture: 'amd64' },
    // What build tools add for attestations; no host is of this platform.
    { os: 'unknown', architecture: 'unknown' },
  ];
  const image = async (platform: Platform): Promise<Image> => {
    const name = `${platform.os}/${platform.architecture}`;
    return makeImage(
      [base, await makeLayer(new Tree().file('platform', `${name}\n`))],
      { Cmd: ['sh'] },
      platform,
    );
  };
  return makeIndex(await Promise.all(all.map(image)));
}

/** Layers over a base, in all three encodings, that take away and replace what the ones below hold. */
async function stacked(): Promise<Layer[]> {
  const below = new Tree()
    .file('stack/removed', 'below\n')
    .file('stack/replaced', 'below\n')
    .file('stack/kept', 'below\n', { uid: 1002, gid: 33, mode: 0o640 })
    .file('stack/opaque/hidden', 'below\n')
    .file('stack/becomes-directory', 'below\n')
    .directory('stack/becomes-file')
    .symlink('stack/link', 'kept');
  const middle = new Tree()
    .file('stack/.wh.removed', '')
    .file('stack/replaced', 'middle\n')
    .file('stack/opaque/.wh..wh..opq', '')
    .file('stack/opaque/shown', 'middle\n')
    .directory('stack/becomes-directory')
    .file('stack/becomes-directory/inside', 'middle\n');
  const above = new Tree()
    .file('stack/becomes-file', 'above\n')
    .file('stack/setuid', 'above\n', { mode: 0o4755 })
    .hardlink('stack/setuid-again', 'stack/setuid')
    .file('stack/empty', '');
  return [await makeLayer(below, 'zstd'), await makeLayer(middle, 'none'), await makeLayer(above, 'gzip')];
}

/** containerd's sandbox image; its own, since critest counts the names of the upstream one. */
async function pause(): Promise<Image> {
  const program = staticProgram('pause', '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n');
  return makeImage([await makeLayer(program.file('peer', ''))], { Entrypoint: ['/pause'] });
}

/** `mebibytes` of bytes that do not compress and are the same each time (xorshift). */
export function noise(mebibytes: number, seed: string): Buffer {
  const words = new Uint32Array(mebibytes * 262_144);
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 2_463_534_242) || 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer);
}
