import type { OciResources, OciSpec } from '../base/index.ts';

type Rule = NonNullable<OciResources['devices']>[number];

const character = (major: number, minor?: number): Rule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor === undefined ? {} : { minor }),
  access: 'rwm',
});

/**
 * What every container may do besides its document's own rules, as under runc: make any node, and use those that the OCI
 * specification puts in every /dev (config-linux.md, "Default Devices") with the pseudo terminals.
 */
const defaults: readonly Rule[] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[3, 5, 7, 8, 9].map((minor) => character(1, minor)), // null zero full random urandom
  ...[0, 2].map((minor) => character(5, minor)), // tty ptmx
  character(136), // pts
];

/** Adds them behind the first rule, which denies everything, so that the document's own are applied last. Pure. */
export function withDefaultDevices(spec: OciSpec): OciSpec {
  const [first, ...rest] = spec.linux.resources?.devices ?? [];
  if (first === undefined || first.allow) return spec;
  const resources = { ...spec.linux.resources, devices: [first, ...defaults, ...rest] };
  return { ...spec, linux: { ...spec.linux, resources } };
}
