import { askHost, HostFileError } from '../host-files/index.ts';
import type { HostNode, LookAtNodes } from './types.ts';

/** The real host. */
export const lookAtNodes: LookAtNodes = async (paths) => {
  const wanted = [...new Set(paths)];
  const answers = await askHost(
    wanted.map((path) => ({ name: 'node', path })),
    { wait: 'hostPath' },
  );
  const found = new Map<string, HostNode>();
  for (const [index, path] of wanted.entries()) {
    const answer = answers[index] ?? [];
    if (answer instanceof HostFileError) throw answer;
    const [, type, ...numbers] = answer;
    const [major = 0, minor = 0, mode = 0] = numbers.map(Number);
    if (type === 'c' || type === 'b' || type === 'p') found.set(path, { type, major, minor, mode });
  }
  return (path) => found.get(path);
};
