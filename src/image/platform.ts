/**
 * Which of an index's manifests fits this machine, in containerd's order of preference (containerd/platforms: Only, compare.go):
 * amd64 takes its own and lower levels, then 386; arm64 its own, then arm v8 … v5. Pure.
 */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

/** Node's names for the machine, in Go's. */
export function hostPlatform(arch: string = process.arch): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };
  return normalizePlatform({ os: 'linux', architecture: names[arch] ?? arch });
}

/** `linux/arm64/v8` → the one spelling that is compared. */
export function normalizePlatform(platform: {
  os?: string;
  architecture?: string;
  variant?: string;
}): Platform {
  const os = (platform.os ?? '').toLowerCase();
  let architecture = (platform.architecture ?? '').toLowerCase();
  let variant = (platform.variant ?? '').toLowerCase();
  if (architecture === 'x86_64' || architecture === 'x86-64') architecture = 'amd64';
  if (architecture === 'i386') architecture = '386';
  if (architecture === 'aarch64') architecture = 'arm64';
  if (architecture === 'armhf') [architecture, variant] = ['arm', 'v7'];
  if (architecture === 'armel') [architecture, variant] = ['arm', 'v6'];
  if (/^[0-9]/.test(variant)) variant = `v${variant}`;
  if (architecture === 'amd64' && variant === 'v1') variant = '';
  if (architecture === 'arm64' && variant === 'v8') variant = '';
  if (architecture === 'arm' && variant === '') variant = 'v7';
  return { os, architecture, variant };
}

/** Everything that `host` can run, best first. */
export function acceptablePlatforms(host: Platform): readonly Platform[] {
  const { os, architecture, variant } = host;
  const of = (arch: string, v: string): Platform => normalizePlatform({ os, architecture: arch, variant: v });
  const level = Number(variant.slice(1)) || 0;
  const below = (arch: string, from: number, to: number): Platform[] =>
    Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => of(arch, `v${from - i}`));
  switch (architecture) {
    case 'amd64':
      return [...below('amd64', Math.max(level, 1), 1), of('386', '')];
    case 'arm64':
      return [...below('arm64', Math.max(level, 8), 8), ...below('arm', 8, 5)];
    case 'arm':
      return below('arm', level, 5);
    default:
      return [host];
  }
}

/** The rank of `candidate` on `host`: 0 is best, undefined does not run. */
export function platformRank(host: Platform, candidate: Platform): number | undefined {
  const rank = acceptablePlatforms(host).findIndex(
    (p) =>
      p.os === candidate.os && p.architecture === candidate.architecture && p.variant === candidate.variant,
  );
  return rank < 0 ? undefined : rank;
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return [os, architecture, variant].filter((part) => part !== '').join('/');
}
