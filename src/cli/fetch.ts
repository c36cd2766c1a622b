import { formatReference, loginFor, parseCommandLineReference } from '../image/index.ts';
import { parseImageArguments, printJson, sharedUsage, withImages } from './image-options.ts';
import type { Verb } from './index.ts';

const usage = `usage: gantry fetch [OPTION …] docker://HOST/NAME:TAG …
Pulls images and prints their IDs. Credentials are those of 'docker login' (or REGISTRY_AUTH_FILE).
${sharedUsage}`;

/** `gantry fetch docker://HOST/NAME:TAG …` */
export const verb: Verb = {
  summary: 'pull images',
  async run(args) {
    const parsed = parseImageArguments(args, usage);
    if (parsed.help || parsed.positionals.length === 0) {
      (parsed.help ? process.stdout : process.stderr).write(usage);
      return parsed.help ? 0 : 2;
    }
    const references = parsed.positionals.map(parseCommandLineReference);
    return await withImages(parsed, async (images, signal) => {
      for (const reference of references) {
        const auth = loginFor(reference.host);
        const image = await images.pull(formatReference(reference), {
          signal,
          ...(auth === undefined ? {} : { auth }),
        });
        if (parsed.format === 'json') printJson(image);
        else process.stdout.write(`${image.id}\n`);
      }
      return 0;
    });
  },
};
