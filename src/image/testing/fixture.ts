/** A directory of a test's own: root, state and hosts.toml files, and image services on them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { LayerMount } from '../../stage1/index.ts';
import { createImageService, type ImageRecord, type ImageService } from '../index.ts';

export class Fixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'image-test-'));
  readonly root = join(this.directory, 'root');
  readonly state = join(this.directory, 'state');
  readonly registries = join(this.directory, 'registries');
  readonly log: Record<string, unknown>[] = [];
  readonly #services: ImageService[] = [];

  constructor() {
    for (const path of [this.root, this.state, this.registries]) mkdirSync(path);
  }

  async service(
    options: { graceMs?: number; rateWindowMs?: number; minimumRate?: number } = {},
  ): Promise<ImageService> {
    const { graceMs = 0, rateWindowMs = 1000, minimumRate = 1024 } = options;
    const { root, state, registries: registriesDir } = this;
    const service = await createImageService(
      { root, state, registriesDir, pullConcurrency: 3, pullMinimumRate: minimumRate },
      {
        log: pino({ level: 'debug' }, { write: (line) => void this.log.push(JSON.parse(line)) }),
        layerGraceMs: graceMs,
        rateWindowMs,
      },
    );
    this.#services.push(service);
    return service;
  }

  hosts(registry: string, toml: string): void {
    const directory = join(this.registries, registry.replace(/:(\d+)$/, '_$1_'));
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'hosts.toml'), toml);
  }

  /** Every file below the root, by its path there, without the lock. */
  files(): string[] {
    return readdirSync(this.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== '.lock')
      .map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1))
      .sort();
  }

  layerFiles(): string[] {
    return this.files().filter((file) => file.endsWith('.erofs'));
  }

  /** Mount points below the state directory. */
  mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path.startsWith(this.state));
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.close()));
    for (const mount of this.mounts()) execFileSync('umount', ['--lazy', mount]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The layers of a container's only image. */
export async function acquire(
  images: ImageService,
  image: ImageRecord,
  containerId: string,
): Promise<readonly LayerMount[]> {
  const [layers = []] = await images.acquireImages([image], containerId);
  return layers;
}

export const never = (): AbortSignal => new AbortController().signal;
