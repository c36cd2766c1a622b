/** Names of devices: `vendor.com/class=name`. Pure. */
import { GantryError } from '../base/index.ts';

export interface QualifiedName {
  readonly vendor: string;
  readonly class: string;
  readonly name: string;
}

/** Undefined for what is none. */
export function parseQualifiedName(device: string): QualifiedName | undefined {
  const parts = /^([^/=]+)\/([^=]+)=(.+)$/.exec(device);
  const [, vendor = '', kind = '', name = ''] = parts ?? [];
  if (!isKindPart(vendor) || !isKindPart(kind) || !isDeviceName(name)) return undefined;
  return { vendor, class: kind, name };
}

/** Of a vendor or class. */
export function isKindPart(text: string): boolean {
  return /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(text);
}

export function isDeviceName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/.test(text);
}

const annotationPrefix = 'cdi.k8s.io/';

/**
 * What a container asks for: by its configuration, and by annotations `cdi.k8s.io/…` with names in a comma-separated list, the
 * way of device plug-ins before there was a field. Each once. Errors: invalid-argument for an annotation that names no device.
 */
export function requestedDevices(
  named: readonly string[],
  annotations: Readonly<Record<string, string>>,
): readonly string[] {
  const annotated = Object.entries(annotations)
    .filter(([key]) => key.startsWith(annotationPrefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => value.split(',').map((device) => [key, device] as const));
  for (const [key, device] of annotated) {
    if (parseQualifiedName(device) !== undefined) continue;
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'find CDI devices',
      subject: device,
      message: `annotation ${key}: "${device}" is no CDI device name (vendor.com/class=name)`,
    });
  }
  return [...new Set([...named, ...annotated.map(([, device]) => device)])];
}
