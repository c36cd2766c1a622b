import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The host names of the test images; one registry serves them all. */
export const imageHosts = ['registry.k8s.io', 'k8s.gcr.io', 'gcr.io', 'gantry.test'] as const;

/**
 * Writes `<directory>/<host>/hosts.toml` for each host, so that Gantry (`--registries-dir`) and containerd
 * (`config_path`) find its images in the registry at `url`, and nowhere else. `ca`: the file of the authority that signed
 * the registry's certificate.
 */
export function writeHosts(
  directory: string,
  url: string,
  hosts: readonly string[] = imageHosts,
  ca = '',
): void {
  const trusted = ca === '' ? '' : `  ca = "${ca}"\n`;
  for (const host of hosts) {
    mkdirSync(join(directory, host), { recursive: true });
    writeFileSync(
      join(directory, host, 'hosts.toml'),
      `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n${trusted}`,
    );
  }
}
