/** Tar members made byte by byte, for what no tar program would write. */

export interface MemberFields {
  /** Paths as they are stored; a string's characters are bytes (latin1). */
  readonly name: string;
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** PAX records of the member's own. */
  readonly pax?: readonly (readonly [string, string | Uint8Array])[];
  /** The size field, where it shall differ from the content's length. */
  readonly size?: number;
  /** Bytes put at an offset of the header before the checksum is made. */
  readonly raw?: readonly (readonly [number, string | Uint8Array])[];
  readonly magic?: string;
  /** The checksum, where it shall be wrong. */
  readonly checksum?: number;
}

export const USTAR = 'ustar\x0000';
export const GNU = 'ustar  \0';

export function bytes(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
}

export function padded(content: Uint8Array): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** One 512-byte header. */
export function header(fields: MemberFields): Buffer {
  const block = Buffer.alloc(512);
  const put = (at: number, value: string | Uint8Array): void => block.set(bytes(value), at);
  put(0, fields.name.slice(0, 100));
  put(100, octal(fields.mode ?? 0o644, 8));
  put(108, octal(fields.uid ?? 0, 8));
  put(116, octal(fields.gid ?? 0, 8));
  put(124, octal(fields.size ?? bytes(fields.content ?? '').length, 12));
  put(136, octal(fields.mtime ?? 0, 12));
  put(148, '        ');
  put(156, fields.type ?? '0');
  put(157, (fields.link ?? '').slice(0, 100));
  put(257, fields.magic ?? USTAR);
  put(329, octal(fields.major ?? 0, 8));
  put(337, octal(fields.minor ?? 0, 8));
  for (const [at, value] of fields.raw ?? []) put(at, value);
  const sum = fields.checksum ?? block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** `<length> key=value\n`, the length counting itself. */
export function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const rest = Buffer.concat([bytes(` ${key}=`), bytes(value), bytes('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([bytes(String(length)), rest]);
}

export function paxHeader(records: readonly (readonly [string, string | Uint8Array])[], type = 'x'): Buffer {
  const data = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
  return Buffer.concat([header({ name: 'PaxHeader', type, content: data }), padded(data)]);
}

export function member(fields: MemberFields): Buffer {
  const parts = fields.pax === undefined ? [] : [paxHeader(fields.pax)];
  return Buffer.concat([...parts, header(fields), padded(bytes(fields.content ?? ''))]);
}

export const END = Buffer.alloc(1024);

/** An archive of members; raw blocks may stand between them. */
export function archive(...parts: readonly (MemberFields | Uint8Array)[]): Buffer {
  return Buffer.concat([...parts.map((part) => (part instanceof Uint8Array ? part : member(part))), END]);
}
