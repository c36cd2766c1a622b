import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

/** Each verb as it is run: a process of its own, on a root of its own. */
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'image-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function gantry(verb: 'fetch' | 'image', ...args: string[]) {
  const script = join(directory, 'run.ts');
  writeFileSync(
    script,
    `import { verb } from '${join(import.meta.dirname, `${verb}.ts`)}';
    try { process.exitCode = await verb.run(process.argv.slice(2)); }
    catch (error) { process.stderr.write(error.message + '\\n'); process.exitCode = 1; }`,
  );
  const options = [
    '--root',
    join(directory, 'root'),
    '--state',
    join(directory, 'state'),
    '--registries-dir',
    directory,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args, ...options], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** An OCI layout with one image, made by hand. */
function layout(): string {
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  writeFileSync(join(tree, 'hello'), 'hello\n');
  const tar = execFileSync('tar', ['-C', tree, '-cf', '-', '.']);
  const oci = join(directory, 'oci');
  mkdirSync(join(oci, 'blobs/sha256'), { recursive: true });
  const blob = (bytes: Buffer, mediaType: string) => {
    const hex = execFileSync('sha256sum', { input: bytes, encoding: 'utf8' }).slice(0, 64);
    writeFileSync(join(oci, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const document = (value: unknown, mediaType: string) => blob(Buffer.from(JSON.stringify(value)), mediaType);
  const layer = blob(tar, 'application/vnd.oci.image.layer.v1.tar');
  const config = document(
    { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [layer.digest] } },
    'application/vnd.oci.image.config.v1+json',
  );
  const manifest = document(
    { schemaVersion: 2, config, layers: [layer] },
    'application/vnd.oci.image.manifest.v1+json',
  );
  const annotations = { 'org.opencontainers.image.ref.name': 'localhost/hello:1' };
  writeFileSync(
    join(oci, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  writeFileSync(join(oci, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  execFileSync('tar', ['-C', oci, '-cf', `${oci}.tar`, '.']);
  return `${oci}.tar`;
}

it('imports, lists, inspects, verifies and removes', () => {
  const imported = gantry('image', 'import', layout());
  expect(imported.stderr).toBe('');
  const [id = '', name] = imported.stdout.trim().split(' ');
  expect(name).toBe('localhost/hello:1');
  expect(gantry('image', 'list').stdout).toMatch(new RegExp(`${id.slice(7, 19)}  localhost/hello:1`));
  expect(JSON.parse(gantry('image', 'list', '--format', 'json').stdout)).toMatchObject([{ id }]);
  expect(JSON.parse(gantry('image', 'inspect', 'localhost/hello:1').stdout)).toMatchObject([
    { image: { id }, config: { os: 'linux' }, manifest: { schemaVersion: 2 } },
  ]);
  expect(gantry('image', 'verify')).toMatchObject({ status: 0, stdout: `${id} whole\n` });
  const layer = execFileSync('find', [join(directory, 'root/layers'), '-name', '*.erofs'], {
    encoding: 'utf8',
  }).trim();
  execFileSync('dd', ['if=/dev/zero', `of=${layer}`, 'bs=1', 'seek=1100', 'count=64', 'conv=notrunc'], {
    stdio: 'ignore',
  });
  expect(gantry('image', 'verify', id)).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('is damaged'),
  });
  expect(gantry('image', 'rm', id.slice(7, 19)).status).toBe(0);
  expect(gantry('image', 'list').stdout.trim().split('\n')).toHaveLength(1);
  expect(gantry('image', 'gc')).toMatchObject({ status: 0, stdout: '' });
});

it('says what it did not understand', () => {
  expect(gantry('image', 'fly')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('usage: gantry image'),
  });
  expect(gantry('image', 'rm', 'nothing')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('no image "nothing"'),
  });
  expect(gantry('image', 'rm')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('name an image'),
  });
  expect(gantry('image', 'list', '--format', 'xml')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('text or json'),
  });
  expect(gantry('image', 'list', '--insecure-options', 'x')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('"x" is not known'),
  });
  expect(gantry('fetch')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('usage: gantry fetch'),
  });
  expect(gantry('fetch', 'ftp://x/y')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('scheme "ftp"'),
  });
  expect(gantry('fetch', 'docker://127.0.0.1:1/x')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('RegistryUnavailable'),
  });
});
