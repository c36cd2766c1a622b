/** What plug-ins want of a container, done to its OCI document. Pure. */
import { type OciHook, type OciHooks, type OciMount, type OciSpec, outerMountsFirst } from '../base/index.ts';
import { applyLinux } from './apply-linux.ts';
import { type ApplyFacts, changedRecord } from './change.ts';
import type { ContainerAdjustment } from './generated/messages.ts';
import { parseKey } from './keyed.ts';

/** Errors: unimplemented, naming what this runtime cannot do. */
export function applyAdjustment(spec: OciSpec, wanted: ContainerAdjustment, facts: ApplyFacts): OciSpec {
  const { process } = spec;
  const adjusted: OciSpec = {
    ...spec,
    annotations: changedRecord(spec.annotations ?? {}, wanted.annotations),
    process: {
      ...process,
      env: variables(process.env, wanted.env),
      args: wanted.args.length > 0 ? [...wanted.args] : process.args,
      rlimits: rlimits(process.rlimits ?? [], wanted.rlimits),
    },
    ...(wanted.hooks === undefined ? {} : { hooks: hooks(spec.hooks ?? {}, wanted.hooks) }),
  };
  // Here among the others, as NRI's own runtime library has it: mounts and devices that plug-ins name themselves win.
  const names = wanted.CDIDevices.map(({ name }) => name);
  const injected = names.length === 0 ? adjusted : facts.injectDevices(adjusted, names);
  const mounted: OciSpec = { ...injected, mounts: mounts(injected.mounts, wanted.mounts) };
  const propagation = rootPropagation(spec, wanted.mounts);
  const whole: OciSpec =
    propagation === undefined
      ? mounted
      : { ...mounted, linux: { ...mounted.linux, rootfsPropagation: propagation } };
  return wanted.linux === undefined ? whole : applyLinux(whole, wanted.linux, facts);
}

/** A variable keeps its place. */
function variables(before: readonly string[], wanted: ContainerAdjustment['env']): string[] {
  const changes = new Map(wanted.map(({ key, value }) => [key, value]));
  const after = before.flatMap((variable) => {
    const name = variable.split('=', 1)[0] ?? '';
    const value = changes.get(name);
    if (value === undefined) return changes.has(`-${name}`) ? [] : [variable];
    changes.delete(name);
    return [`${name}=${value}`];
  });
  const added = [...changes].filter(([name]) => !name.startsWith('-'));
  return [...after, ...added.map(([name, value]) => `${name}=${value}`)];
}

function mounts(before: readonly OciMount[], wanted: ContainerAdjustment['mounts']): OciMount[] {
  if (wanted.length === 0) return [...before];
  const changed = new Set(wanted.map(({ destination }) => parseKey(destination).key));
  const kept = before.filter(({ destination }) => !changed.has(destination));
  const added = wanted
    .filter(({ destination }) => !parseKey(destination).removed)
    .map(({ destination, type, source, options }) => ({
      destination,
      ...(type === '' ? {} : { type }),
      ...(source === '' ? {} : { source }),
      options: [...options],
    }));
  return outerMountsFirst([...kept, ...added]);
}

/** A mount that is to propagate needs a root that lets it. */
function rootPropagation(
  spec: OciSpec,
  wanted: ContainerAdjustment['mounts'],
): 'rshared' | 'rslave' | undefined {
  const options = new Set(
    wanted.flatMap(({ destination, options }) => (destination.startsWith('-') ? [] : options)),
  );
  if (options.has('rshared')) return 'rshared';
  if (options.has('rslave') && spec.linux.rootfsPropagation !== 'rshared') return 'rslave';
  return undefined;
}

type Rlimits = NonNullable<OciSpec['process']['rlimits']>;

function rlimits(before: Rlimits, wanted: ContainerAdjustment['rlimits']): Rlimits {
  const changed = new Set(wanted.map(({ type }) => parseKey(type).key));
  const added = wanted.filter(({ type }) => !parseKey(type).removed);
  return [
    ...before.filter(({ type }) => !changed.has(type)),
    ...added.map(({ type, soft, hard }) => ({ type, soft: Number(soft), hard: Number(hard) })),
  ];
}

function hooks(before: OciHooks, wanted: NonNullable<ContainerAdjustment['hooks']>): OciHooks {
  const kinds = [
    'prestart',
    'createRuntime',
    'createContainer',
    'startContainer',
    'poststart',
    'poststop',
  ] as const;
  const after: OciHooks = { ...before };
  for (const kind of kinds) {
    const more = wanted[kind].map(
      ({ path, args, env, timeout }): OciHook => ({
        path,
        ...(args.length > 0 ? { args: [...args] } : {}),
        ...(env.length > 0 ? { env: [...env] } : {}),
        ...(timeout === undefined ? {} : { timeout: Number(timeout.value) }),
      }),
    );
    if (more.length > 0) after[kind] = [...(before[kind] ?? []), ...more];
  }
  return after;
}
