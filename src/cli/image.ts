import { GantryError } from '../base/index.ts';
import type { ImageRecord, ImageService } from '../image/index.ts';
import {
  type ImageArguments,
  parseImageArguments,
  printJson,
  printTable,
  sharedUsage,
  withImages,
} from './image-options.ts';
import type { Verb } from './index.ts';

const usage = `usage: gantry image VERB [OPTION …] [ARGUMENT …]
  list                   what is here
  import FILE …          images from OCI layouts or docker archives (tar)
  rm IMAGE …             by tag, digest reference or ID; an ID goes with all its names
  inspect IMAGE …        record, manifest and configuration, as JSON
  verify [IMAGE …]       hash everything again; all images without an argument
  gc                     remove layers that nothing uses
${sharedUsage}`;

type Action = (images: ImageService, args: ImageArguments, signal: AbortSignal) => Promise<number>;

const actions: Readonly<Record<string, Action>> = { list, import: importFiles, rm, inspect, verify, gc };

/** `gantry image list|import|rm|inspect|verify|gc` */
export const verb: Verb = {
  summary: 'list, import, remove, inspect and verify images',
  async run(args) {
    const parsed = parseImageArguments(args, usage);
    const [name = '', ...positionals] = parsed.positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (parsed.help || action === undefined) {
      const unknown = parsed.help || name === '' ? '' : `gantry image: no verb '${name}'\n`;
      (parsed.help ? process.stdout : process.stderr).write(`${unknown}${usage}`);
      return parsed.help ? 0 : 2;
    }
    return await withImages(parsed, (images, signal) => action(images, { ...parsed, positionals }, signal));
  },
};

async function list(images: ImageService, { format }: ImageArguments): Promise<number> {
  const all = images.list();
  if (format === 'json') printJson(all);
  else printTable([['ID', 'NAME', 'SIZE', 'PULLED'], ...all.flatMap(rowsOf)]);
  return 0;
}

async function importFiles(
  images: ImageService,
  { positionals, format }: ImageArguments,
  signal: AbortSignal,
): Promise<number> {
  for (const file of required(positionals, 'a file')) {
    const imported = await images.importArchive(file, signal);
    if (format === 'json') printJson(imported);
    else for (const { id, repoTags } of imported) process.stdout.write(`${[id, ...repoTags].join(' ')}\n`);
  }
  return 0;
}

/** Unlike CRI's call it says when there is nothing to remove. */
async function rm(images: ImageService, { positionals }: ImageArguments): Promise<number> {
  for (const name of required(positionals, 'an image')) {
    requireImage(images, name);
    await images.remove(name);
  }
  return 0;
}

async function inspect(images: ImageService, { positionals }: ImageArguments): Promise<number> {
  const found = required(positionals, 'an image').map((name) => requireImage(images, name));
  printJson(
    found.map((image) => {
      const documents = images.documents(image.id);
      return { image, manifest: parsed(documents?.manifest), config: parsed(documents?.config) };
    }),
  );
  return 0;
}

async function verify(images: ImageService, { positionals, format }: ImageArguments): Promise<number> {
  const chosen =
    positionals.length === 0 ? images.list() : positionals.map((name) => requireImage(images, name));
  const results: { id: string; problems: readonly string[] }[] = [];
  for (const { id } of chosen) results.push({ id, problems: await images.verify(id) });
  if (format === 'json') printJson(results);
  else
    for (const { id, problems } of results) process.stdout.write(`${id} ${problems.join('; ') || 'whole'}\n`);
  return results.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

async function gc(images: ImageService, { format }: ImageArguments): Promise<number> {
  const removed = await images.collectGarbage();
  if (format === 'json') printJson(removed);
  else for (const key of removed) process.stdout.write(`${key}\n`);
  return 0;
}

function rowsOf(image: ImageRecord): string[][] {
  const pulled = new Date(Number(image.pulledAt / 1_000_000n)).toISOString().slice(0, 19);
  const names = image.repoTags.length > 0 ? image.repoTags : image.repoDigests;
  return (names.length > 0 ? names : ['<none>']).map((name) => [
    image.id.slice('sha256:'.length).slice(0, 12),
    name,
    `${(image.size / 1e6).toFixed(1)} MB`,
    pulled,
  ]);
}

function requireImage(images: ImageService, name: string): ImageRecord {
  const image = images.find(name.replace(/^docker:\/\/\/?/, ''));
  if (image !== undefined) return image;
  throw new GantryError({
    code: 'not-found',
    operation: 'find image',
    subject: name,
    message: `no image "${name}"; 'gantry image list' shows what is here`,
  });
}

function required(positionals: readonly string[], what: string): readonly string[] {
  if (positionals.length > 0) return positionals;
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'parse arguments',
    message: `name ${what}\n${usage}`,
  });
}

function parsed(bytes: Buffer | undefined): unknown {
  return bytes === undefined || bytes.length === 0 ? null : JSON.parse(bytes.toString());
}
