/** The versions of the CNI specification that Gantry speaks, oldest first. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

function rank(version: string): number {
  return supportedVersions.indexOf(version as (typeof supportedVersions)[number]);
}

export function isSupported(version: string): boolean {
  return rank(version) >= 0;
}

/** Whether a supported `version` is `minimum` or newer. */
export function atLeast(version: string, minimum: (typeof supportedVersions)[number]): boolean {
  return rank(version) >= rank(minimum);
}

export function latestSupported(versions: readonly string[]): string | undefined {
  return versions.filter(isSupported).sort((a, b) => rank(b) - rank(a))[0];
}
