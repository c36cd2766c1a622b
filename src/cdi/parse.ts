/** A specification file's text → plain data. JSON is read as the YAML that it is, in YAML 1.1 as the reference does (0666 is octal). */
import { parseDocument } from 'yaml';
import {
  flag,
  list,
  number,
  object,
  optional,
  optionalNumber,
  type Reader,
  record,
  ShapeError,
  text,
} from './shape.ts';
import type {
  CdiDevice,
  CdiHook,
  CdiMount,
  CdiSpec,
  ContainerEdits,
  DeviceNode,
  IntelRdt,
  NetDevice,
} from './types.ts';

const LARGEST_ID = 0xffff_ffff;
const LARGEST_DEVICE = 0xffff_ffff;

function oneOf<const T extends string>(what: string, ...words: readonly T[]): Reader<T> {
  return (value, where) => {
    const found = text(value, where);
    const word = words.find((candidate) => candidate === found);
    if (word === undefined) throw new ShapeError(`${where}: "${found}" is no ${what}`);
    return word;
  };
}

const deviceNode = object<DeviceNode>({
  path: text,
  hostPath: text,
  type: oneOf('type of device', '', 'b', 'c', 'u', 'p'),
  major: number(0, LARGEST_DEVICE),
  minor: number(0, LARGEST_DEVICE),
  fileMode: optionalNumber(0, LARGEST_ID),
  permissions: text,
  uid: optionalNumber(0, LARGEST_ID),
  gid: optionalNumber(0, LARGEST_ID),
});

const hook = object<CdiHook>({
  hookName: oneOf(
    'hook',
    ...(['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const),
  ),
  path: text,
  args: list(text),
  env: list(text),
  timeout: optionalNumber(1, LARGEST_ID),
});

const mount = object<CdiMount>({ hostPath: text, containerPath: text, type: text, options: list(text) });
const netDevice = object<NetDevice>({ hostInterfaceName: text, name: text });

const intelRdt = object<IntelRdt>({
  closId: text,
  l3CacheSchema: text,
  memBwSchema: text,
  schemata: optional(list(text)),
  enableMonitoring: flag,
});

const containerEdits = object<ContainerEdits>({
  env: list(text),
  deviceNodes: list(deviceNode),
  netDevices: list(netDevice),
  hooks: list(hook),
  mounts: list(mount),
  intelRdt: optional(intelRdt),
  additionalGids: list(number(0, LARGEST_ID)),
});

const device = object<CdiDevice>({ name: text, annotations: record(text), containerEdits });

const specification = object<CdiSpec>({
  cdiVersion: text,
  kind: text,
  annotations: record(text),
  devices: list(device),
  containerEdits,
});

/** Pure. Throws ShapeError. Says nothing yet of names and versions: `validate.ts` does. */
export function parseSpec(content: string): CdiSpec {
  const document = parseDocument(content, { version: '1.1', uniqueKeys: true, prettyErrors: true });
  const [wrong] = document.errors;
  if (wrong !== undefined)
    throw new ShapeError(wrong.message.split('\n')[0] ?? 'it is neither JSON nor YAML');
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (value === null || value === undefined) throw new ShapeError('it is empty');
  return specification(value, '');
}
