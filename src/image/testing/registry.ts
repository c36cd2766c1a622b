/** Debian's docker-registry on a loopback port of its own, and a client that fills it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Blob, TestImage } from './images.ts';

/** Unpacked by hack/install, not installed: its package would start a service. */
const program = fileURLToPath(
  new URL('../../../build/debs/docker-registry/usr/bin/docker-registry', import.meta.url),
);

export interface RegistryOptions {
  /** The `auth` section, YAML indented by two. */
  readonly auth?: string;
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientCa?: string };
  /** For pushes: an Authorization header. */
  readonly authorization?: string;
  /** Serve what another registry holds. */
  readonly storage?: string;
}

export class TestRegistry {
  readonly port: number;
  readonly storage: string;
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly #options: RegistryOptions;

  private constructor(
    port: number,
    directory: string,
    storage: string,
    process: ChildProcess,
    options: RegistryOptions,
  ) {
    this.port = port;
    this.storage = storage;
    this.#directory = directory;
    this.#process = process;
    this.#options = options;
  }

  static async start(options: RegistryOptions = {}): Promise<TestRegistry> {
    const directory = mkdtempSync(join(tmpdir(), 'image-registry-'));
    const storage = options.storage ?? join(directory, 'storage');
    mkdirSync(storage, { recursive: true });
    const port = await freePort();
    const { tls } = options;
    const clientCa = tls?.clientCa ? `\n    clientcas: [${tls.clientCa}]` : '';
    const secure = tls ? `\n  tls:\n    certificate: ${tls.certificate}\n    key: ${tls.key}${clientCa}` : '';
    writeFileSync(
      join(directory, 'config.yml'),
      `version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: ${storage}}, delete: {enabled: true}}
http:
  addr: 127.0.0.1:${port}${secure}
${options.auth ? `auth:\n${options.auth}` : ''}
`,
    );
    const child = spawn(program, ['serve', join(directory, 'config.yml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const registry = new TestRegistry(port, directory, storage, child, options);
    child.stdout.on('data', (chunk: Buffer) => registry.#said.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => registry.#said.push(chunk));
    await registry.#ready();
    return registry;
  }

  readonly #said: Buffer[] = [];

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://${this.host}`;
  }

  /** The access log's request lines so far: `GET /v2/…`. */
  requests(): string[] {
    const text = Buffer.concat(this.#said).toString();
    return [...text.matchAll(/"((?:GET|HEAD|POST) \/v2\/\S*) HTTP/g)].map((match) => match[1] ?? '');
  }

  /** Blobs, then manifests; every name is a tag of the image. */
  async push(repository: string, tag: string, image: TestImage): Promise<void> {
    for (const blob of [image.config, ...image.layers]) await this.#pushBlob(repository, blob);
    await this.pushManifest(repository, image.manifest.digest, image.manifest);
    await this.pushManifest(repository, tag, image.manifest);
  }

  async pushManifest(repository: string, reference: string, manifest: Blob): Promise<void> {
    const response = await this.#fetch(`/v2/${repository}/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': manifest.mediaType },
      body: new Uint8Array(manifest.bytes),
    });
    if (response.status !== 201)
      throw new Error(`push of ${repository}: ${response.status} ${await response.text()}`);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill();
      await once(this.#process, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #pushBlob(repository: string, blob: Blob): Promise<void> {
    const started = await this.#fetch(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    const location = new URL(started.headers.get('location') ?? '', this.url);
    location.searchParams.set('digest', blob.digest);
    const response = await this.#fetch(`${location.pathname}${location.search}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(blob.bytes),
    });
    if (response.status !== 201)
      throw new Error(`push of ${blob.digest}: ${response.status} ${await response.text()}`);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#options.authorization) headers.set('authorization', this.#options.authorization);
    return await fetch(`${this.url}${path}`, { ...init, headers });
  }

  async #ready(): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (this.#process.exitCode !== null) break;
      const listening = readFileSync('/proc/net/tcp', 'utf8').includes(
        `0100007F:${hexPort(this.port)} 00000000:0000 0A`,
      );
      if (listening) return;
      await sleep(25);
    }
    throw new Error(`docker-registry did not start: ${Buffer.concat(this.#said)}`);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
