/** Inputs for this folder's tables. */
import type { OciSpec } from '../base/index.ts';
import { parseSpec } from './parse.ts';
import type { CdiSpec, HostNodes } from './types.ts';
import { validateSpec } from './validate.ts';

/** A specification of one device `v.com/class=dev` with these edits; `changes` are the specification's own members. */
export function specText(edits: object = { env: ['A=1'] }, changes: object = {}): string {
  const devices = [{ name: 'dev', containerEdits: edits }];
  return JSON.stringify({ cdiVersion: '1.1.0', kind: 'v.com/class', devices, ...changes });
}

/** Parsed and judged. */
export function specOf(content: string): CdiSpec {
  const spec = parseSpec(content);
  validateSpec(spec);
  return spec;
}

/** /dev/char, /dev/block and /dev/fifo are what they are called; there is nothing else. */
export const testNodes: HostNodes = (path) => {
  const found = { '/dev/char': 'c', '/dev/block': 'b', '/dev/fifo': 'p' } as const;
  const type = path in found ? found[path as keyof typeof found] : undefined;
  return type === undefined ? undefined : { type, major: 10, minor: 229, mode: 0o640 };
};

export const bareSpec: OciSpec = {
  ociVersion: '1.3.0',
  process: { user: { uid: 0, gid: 0 }, args: ['sh'], env: ['PATH=/bin', 'B=old'], cwd: '/' },
  root: { path: 'rootfs' },
  mounts: [{ destination: '/dev' }, { destination: '/dev/pts' }, { destination: '/data', source: '/old' }],
  linux: {
    devices: [{ path: '/dev/old', type: 'c', major: 1, minor: 1 }],
    resources: { devices: [{ allow: false }] },
  },
};
