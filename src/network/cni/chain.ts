/**
 * A network's plug-ins, run in order (CNI specification, section 3): each gets the configuration with name, version,
 * runtimeConfig and prevResult filled in.
 */
import { describeError, GantryError } from '../../base/index.ts';
import type { CniNetwork, CniPlugin } from './config.ts';
import { type CniCommand, runPlugin } from './plugin.ts';
import { convert, parseResult } from './result.ts';
import { type CapabilityArgs, runtimeConfig } from './runtime-config.ts';
import { atLeast } from './version.ts';

export const POD_INTERFACE = 'eth0';

/** One pod's connection to a network. */
export interface Attachment {
  readonly containerId: string;
  /** '' when the namespace is gone: DEL then frees what is left. */
  readonly netns: string;
  readonly args: string;
  readonly capabilityArgs: CapabilityArgs;
}

export interface ChainContext {
  readonly network: CniNetwork;
  readonly binDirs: readonly string[];
  readonly signal: AbortSignal;
  readonly lockFd?: number;
}

type Result = Readonly<Record<string, unknown>>;

/** ADD through the whole chain; each plug-in must give a result (section 4), and the last one's is the network's. */
export async function add(context: ChainContext, attachment: Attachment): Promise<Result> {
  let previous: Result | undefined;
  for (const plugin of context.network.plugins) {
    const text = await run(context, 'ADD', plugin, attachment, previous);
    previous = resultOf(plugin, text, context.network.cniVersion);
  }
  return previous ?? { cniVersion: context.network.cniVersion };
}

function resultOf(plugin: CniPlugin, text: string, cniVersion: string): Result {
  try {
    return parseResult(text, cniVersion);
  } catch (cause) {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'CNI ADD',
      subject: plugin.type,
      message: `CNI plug-in "${plugin.type}" ${describeError(cause)}`,
      cause,
    });
  }
}

/**
 * DEL, last plug-in first. Every plug-in gets its chance; the first error is thrown when all have run, and the whole is
 * to be repeated then.
 */
export async function del(
  context: ChainContext,
  attachment: Attachment,
  result: Result | undefined,
): Promise<void> {
  const errors: unknown[] = [];
  const cached = atLeast(context.network.cniVersion, '0.4.0') ? result : undefined;
  for (const plugin of context.network.plugins.toReversed()) {
    try {
      await run(context, 'DEL', plugin, attachment, cached);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** STATUS (since 1.1.0): throws when a plug-in cannot take ADD requests now. */
export async function status(context: ChainContext): Promise<void> {
  if (!atLeast(context.network.cniVersion, '1.1.0')) return;
  for (const plugin of context.network.plugins) await runForNetwork(context, 'STATUS', plugin, {});
}

/** GC (since 1.1.0): plug-ins free whatever belongs to no attachment in `valid`. Never with disableGC. */
export async function gc(context: ChainContext, valid: readonly string[]): Promise<void> {
  if (!atLeast(context.network.cniVersion, '1.1.0') || context.network.disableGC) return;
  const attachments = valid.map((containerID) => ({ containerID, ifname: POD_INTERFACE }));
  const errors: unknown[] = [];
  for (const plugin of context.network.plugins) {
    try {
      await runForNetwork(context, 'GC', plugin, {
        'cni.dev/valid-attachments': attachments,
        // The key of the specification's earlier drafts, which libcni sends as well.
        'cni.dev/attachments': attachments,
      });
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function run(
  context: ChainContext,
  command: CniCommand,
  plugin: CniPlugin,
  attachment: Attachment,
  previous: Result | undefined,
): Promise<string> {
  const { name, cniVersion } = context.network;
  const declared = runtimeConfig(plugin, attachment.capabilityArgs);
  const { capabilities: _, ...rest } = plugin;
  return runPlugin({
    command,
    type: plugin.type,
    binDirs: context.binDirs,
    env: {
      CNI_CONTAINERID: attachment.containerId,
      CNI_NETNS: attachment.netns,
      CNI_IFNAME: POD_INTERFACE,
      CNI_ARGS: attachment.args,
    },
    config: {
      ...rest,
      name,
      cniVersion,
      ...(declared === undefined ? {} : { runtimeConfig: declared }),
      ...(previous === undefined ? {} : { prevResult: convert(previous, cniVersion) }),
    },
    ...(context.lockFd === undefined ? {} : { lockFd: context.lockFd }),
    signal: context.signal,
  });
}

function runForNetwork(
  context: ChainContext,
  command: CniCommand,
  plugin: CniPlugin,
  extra: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { name, cniVersion } = context.network;
  const { capabilities: _, ...rest } = plugin;
  return runPlugin({
    command,
    type: plugin.type,
    binDirs: context.binDirs,
    env: { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' },
    config: { ...rest, name, cniVersion, ...extra },
    signal: context.signal,
  });
}
