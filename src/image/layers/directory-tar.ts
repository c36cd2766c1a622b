/**
 * A tar of directories only, byte for byte the same for the same input. Written by hand: names and attributes' values are
 * bytes, which tar-stream takes as text only. POSIX.1-2001 pax format.
 */
export interface DirectoryAttributes {
  /** Components from the root; none: the root itself. */
  readonly path: readonly Buffer[];
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: bigint;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}
const BLOCK = 512;

export function writeDirectoryTar(directories: readonly DirectoryAttributes[]): Buffer {
  return Buffer.concat([...directories.flatMap(member), Buffer.alloc(2 * BLOCK)]);
}

/** Everything that may not fit the old header is in the pax header, always: one way, few cases. */
function member({ path, mode, uid, gid, mtime, xattrs }: DirectoryAttributes): Buffer[] {
  const name = Buffer.concat([
    ...path.flatMap((part) => [part, Buffer.from('/')]),
    ...(path.length === 0 ? [Buffer.from('./')] : []),
  ]);
  const records = [
    paxRecord('path', name),
    paxRecord('uid', Buffer.from(`${uid}`)),
    paxRecord('gid', Buffer.from(`${gid}`)),
    paxRecord('mtime', Buffer.from(`${mtime}`)),
    ...[...xattrs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => paxRecord(`SCHILY.xattr.${key}`, value)),
  ];
  const pax = Buffer.concat(records);
  return [
    header('pax', 'x', 0o644, pax.length),
    pax,
    padding(pax.length),
    header('directory/', '5', mode, 0),
  ];
}

function paxRecord(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = body.length + 1;
  while (`${length}`.length + body.length !== length) length = `${length}`.length + body.length;
  return Buffer.concat([Buffer.from(`${length}`), body]);
}

function header(name: string, type: string, mode: number, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  };
  block.write(name, 0, 'latin1');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}
