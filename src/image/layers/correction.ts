/**
 * Stacks in which an upper layer does not name a directory that a lower one describes: `gantry-layer correct` says which
 * directories one more layer on top must give their attributes back (addon/layer/README.md, Stacking).
 */
import { closeSync, openSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { deadlines, GantryError, inTime } from '../../base/index.ts';
import { processError } from './converter.ts';
import { ConverterProcess } from './converter-process.ts';

export interface StackedLayer {
  readonly file: string;
  /** As the converter writes them (`%XX`); '/' is the root. */
  readonly impliedDirectories: readonly string[];
}

export interface StackCorrection {
  /** A tar of directories; undefined where the stack is right as it is. */
  readonly tar: Buffer | undefined;
  /** Directories that hide a lower layer's symbolic link or file, where unpacking would have gone through the link. */
  readonly hiding: readonly string[];
}

/** In all layers of an image: each costs memory and time. */
const IMPLIED_LIMIT = 300_000;
/** The first of the descriptors that are handed over. */
const FIRST_FD = 3;

/** Errors: resource-exhausted, where the layers of an image leave too many directories unnamed. */
export function checkImplied(layers: Iterable<{ readonly impliedDirectories?: readonly string[] }>): void {
  let count = 0;
  for (const { impliedDirectories = [] } of layers) count += impliedDirectories.length;
  if (count <= IMPLIED_LIMIT) return;
  throw new GantryError({
    code: 'resource-exhausted',
    operation: 'stack layers',
    message: `the image's layers have more than ${IMPLIED_LIMIT} directories that they do not name; build it with archives that name their directories`,
  });
}

/**
 * Errors: resource-exhausted for too many directories to correct, data-loss for a layer's file that is damaged, deadline-exceeded.
 *
 * @param stack lowest first
 * @param seen the first that shows: its root hides what those below have, but for the root directory's own attributes
 */
export async function correctStack(
  stack: readonly StackedLayer[],
  seen: number,
  signal: AbortSignal,
): Promise<StackCorrection> {
  if (!mayNeedCorrection(stack, seen)) return { tar: undefined, hiding: [] };
  const files: number[] = [];
  try {
    for (const { file } of stack) files.push(openSync(file, 'r'));
    return await ask(stack, seen, files, signal);
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

function mayNeedCorrection(stack: readonly StackedLayer[], seen: number): boolean {
  const above = stack.slice(seen + 1).some((layer) => layer.impliedDirectories.length > 0);
  return above || (seen > 0 && stack[seen]?.impliedDirectories.includes('/') === true);
}

async function ask(
  stack: readonly StackedLayer[],
  seen: number,
  files: readonly number[],
  signal: AbortSignal,
): Promise<StackCorrection> {
  const images = files.flatMap((_fd, i) => ['--image-fd', `${FIRST_FD + i}`]);
  const asked = new ConverterProcess(['correct', '--seen', `${seen}`, ...images], files, signal);
  try {
    const lists = stack.map(
      ({ impliedDirectories: paths }) => `${paths.map((path) => `${path}\0`).join('')}\0`,
    );
    // One that gives up early closes its end; its answer says why.
    pipeline([Buffer.from(lists.join(''))], asked.stdin).catch(() => undefined);
    const end = await inTime('stackLayers', asked.ended, tooLate, deadlines.stackLayers, signal);
    if (end.code !== 0) throw processError(end, 'stack layers');
    return parse(end.out);
  } finally {
    asked.close();
  }
}

/** One line of JSON, and behind it the tar. */
function parse(out: Buffer): StackCorrection {
  const end = out.indexOf('\n');
  const { hiding, tarSize } = JSON.parse(out.toString('utf8', 0, end)) as {
    hiding: string[];
    tarSize: number;
  };
  const tar = out.subarray(end + 1);
  if (tar.length !== tarSize) {
    throw new GantryError({
      code: 'internal',
      operation: 'stack layers',
      message: `gantry-layer said ${tarSize} bytes and gave ${tar.length}`,
    });
  }
  return { tar: tarSize === 0 ? undefined : tar, hiding };
}

function tooLate(milliseconds: number): GantryError {
  return new GantryError({
    code: 'deadline-exceeded',
    operation: 'stack layers',
    message: `the directories that the image's layers do not name were not looked through within ${milliseconds / 1000} s`,
  });
}
