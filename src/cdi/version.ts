/** Which version of the format a specification must at least say that it has: by what it uses. Pure. */
import type { CdiSpec, ContainerEdits } from './types.ts';

/** Oldest first. What has no condition brought nothing that could be seen in a file. */
const versions: readonly (readonly [string, (spec: CdiSpec, edits: readonly ContainerEdits[]) => boolean])[] =
  [
    ['0.1.0', () => false],
    ['0.2.0', () => false],
    ['0.3.0', () => true],
    ['0.4.0', (_spec, edits) => edits.some(({ mounts }) => mounts.some(({ type }) => type !== ''))],
    [
      '0.5.0',
      (spec, edits) =>
        spec.devices.some(({ name }) => /^[0-9]/.test(name)) ||
        edits.some(({ deviceNodes }) => deviceNodes.some(({ hostPath }) => hostPath !== '')),
    ],
    [
      '0.6.0',
      (spec) =>
        (spec.kind.split('/')[1] ?? '').includes('.') ||
        [spec, ...spec.devices].some(({ annotations }) => Object.keys(annotations).length > 0),
    ],
    [
      '0.7.0',
      (_spec, edits) =>
        edits.some(({ intelRdt, additionalGids }) => intelRdt !== undefined || additionalGids.length > 0),
    ],
    ['0.8.0', () => false],
    ['1.0.0', () => false],
    [
      '1.1.0',
      (_spec, edits) =>
        edits.some(
          ({ intelRdt, netDevices }) =>
            netDevices.length > 0 || intelRdt?.schemata !== undefined || intelRdt?.enableMonitoring === true,
        ),
    ],
  ];

/** What is wrong with the version; undefined: nothing. */
export function versionProblem(spec: CdiSpec): string | undefined {
  const said = spec.cdiVersion.replace(/^v/, '');
  const index = versions.findIndex(([version]) => version === said);
  if (index < 0)
    return `cdiVersion "${spec.cdiVersion}" is unknown; known are 0.3.0 to ${versions.at(-1)?.[0]}`;
  const edits = [spec.containerEdits, ...spec.devices.map(({ containerEdits }) => containerEdits)];
  const needed = versions.findLastIndex(([, isUsed]) => isUsed(spec, edits));
  if (needed <= index) return undefined;
  return `cdiVersion is ${said}, but what is in it came with ${versions[needed]?.[0]}`;
}
