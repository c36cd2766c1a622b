/** Whether a specification is one that may be used. Pure. */
import { isDeviceName, isKindPart } from './names.ts';
import { ShapeError } from './shape.ts';
import type { CdiSpec, ContainerEdits, DeviceNode } from './types.ts';
import { versionProblem } from './version.ts';

/** Throws ShapeError. */
export function validateSpec(spec: CdiSpec): void {
  const version = versionProblem(spec);
  if (version !== undefined) throw new ShapeError(version);
  const [vendor = '', kind = '', ...more] = spec.kind.split('/');
  if (more.length > 0 || !isKindPart(vendor) || !isKindPart(kind)) {
    throw new ShapeError(`kind "${spec.kind}" is not of the form vendor.com/class`);
  }
  validateEdits(spec.containerEdits, 'containerEdits');
  if (spec.devices.length === 0) throw new ShapeError('it describes no device');
  const names = new Set<string>();
  for (const { name, containerEdits } of spec.devices) {
    if (!isDeviceName(name)) throw new ShapeError(`"${name}" is no name of a device`);
    if (names.has(name)) throw new ShapeError(`device "${name}" is there twice`);
    names.add(name);
    if (isEmpty(containerEdits)) throw new ShapeError(`device "${name}" has no edits`);
    validateEdits(containerEdits, `device "${name}"`);
  }
}

function isEmpty({ intelRdt, ...lists }: ContainerEdits): boolean {
  return intelRdt === undefined && Object.values(lists).every((list) => list.length === 0);
}

function validateEdits(edits: ContainerEdits, where: string): void {
  const need = (condition: boolean, what: string): void => {
    if (!condition) throw new ShapeError(`${where}: ${what}`);
  };
  const needVariables = (env: readonly string[]): void => {
    for (const variable of env) need(variable.indexOf('=') > 0, `"${variable}" is no NAME=VALUE`);
  };
  needVariables(edits.env);
  for (const node of edits.deviceNodes) validateNode(node, need);
  for (const { hookName, path, env } of edits.hooks) {
    need(path !== '', `the ${hookName} hook has no path`);
    needVariables(env);
  }
  for (const { hostPath, containerPath } of edits.mounts) {
    need(hostPath !== '', `the mount at "${containerPath}" has no hostPath`);
    need(containerPath !== '', `the mount of "${hostPath}" has no containerPath`);
  }
  for (const part of ['hostInterfaceName', 'name'] as const) {
    const names = edits.netDevices.map((device) => device[part]);
    need(!names.includes(''), `a network device has no ${part}`);
    need(new Set(names).size === names.length, `two network devices have the same ${part}`);
  }
  const { closId = '' } = edits.intelRdt ?? {};
  const isFileName = closId.length < 4096 && closId !== '.' && closId !== '..' && !/[/\n]/.test(closId);
  need(closId === '/' || isFileName, `"${closId}" is no class of service`);
}

function validateNode(node: DeviceNode, need: (condition: boolean, what: string) => void): void {
  need(node.path !== '', 'a device node has no path');
  const { permissions } = node;
  need(
    permissions === 'none' || /^[rwm]*$/.test(permissions),
    `permissions "${permissions}" are no letters of rwm`,
  );
}
