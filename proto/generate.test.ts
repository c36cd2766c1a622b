import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { generate } from './generate.ts';

it.each(generate())('$path is what generate.ts writes', ({ path, content }) => {
  expect(readFileSync(path, 'utf8')).toBe(content);
});
