import { constants, createDeflate, createInflate } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { spdyDictionary } from './dictionary.ts';
import { ControlType, controlFrame, dataFrame, type Frame, FrameParser } from './frame.ts';
import { HeaderReader, HeaderWriter, parseHeaders, serializeHeaders } from './header-block.ts';

function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

describe('dictionary', () => {
  it('is the specification’s to the byte: its checksum is what every peer puts on the wire', () => {
    expect(spdyDictionary.length).toBe(1423);
    expect(adler32(spdyDictionary)).toBe(0xe3c6a7c2);
  });
});

describe('header blocks', () => {
  it('come back as they went, block after block on one zlib stream', async () => {
    const writer = new HeaderWriter();
    const reader = new HeaderReader();
    for (const headers of [{ streamtype: 'stdin' }, { streamtype: 'data', port: '80', requestid: '0' }, {}]) {
      expect(await reader.read(await writer.write(headers))).toEqual(headers);
    }
    writer.close();
    reader.close();
  });

  it.each([
    ['no count', Buffer.alloc(2)],
    ['a length beyond the end', Buffer.from([0, 0, 0, 1, 0, 0, 0, 9, 65])],
    ['a missing value', Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), Buffer.from('a')])],
  ])('are refused with %s', (_name, block) => {
    expect(() => parseHeaders(block)).toThrow(/SPDY header block/);
  });

  it('that are not zlib are refused', async () => {
    const reader = new HeaderReader();
    await expect(reader.read(Buffer.from('not a zlib stream at all'))).rejects.toThrow();
    reader.close();
  });

  it('that would inflate to a flood are refused', async () => {
    const deflate = createDeflate({ dictionary: spdyDictionary });
    const parts: Buffer[] = [];
    deflate.on('data', (part: Buffer) => parts.push(part));
    await new Promise<void>((resolve) => {
      deflate.write(Buffer.alloc(10_000_000));
      deflate.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    const reader = new HeaderReader();
    await expect(reader.read(Buffer.concat(parts))).rejects.toThrow(/inflates to more/);
    reader.close();
    deflate.destroy();
  });

  it('are what a zlib with the dictionary can read', async () => {
    const writer = new HeaderWriter();
    const block = await writer.write({ streamtype: 'error' });
    const inflate = createInflate({ dictionary: spdyDictionary, finishFlush: constants.Z_SYNC_FLUSH });
    const plain = await new Promise<Buffer>((resolve) => {
      inflate.once('data', resolve);
      inflate.write(block);
    });
    expect(plain).toEqual(serializeHeaders({ streamtype: 'error' }));
    writer.close();
    inflate.destroy();
  });
});

describe('frames', () => {
  const wire = Buffer.concat([
    controlFrame(ControlType.ping, 0, Buffer.from([0, 0, 0, 1])),
    ...dataFrame(5, Buffer.from('hello'), false),
    ...dataFrame(5, Buffer.alloc(0), true),
    ...dataFrame(7, Buffer.from('!'), true),
  ]);

  it.each([1, 2, 3, 7, 1000])('are found in pieces of %i bytes', (size) => {
    const parser = new FrameParser();
    const frames: Frame[] = [];
    for (let at = 0; at < wire.length; at += size) frames.push(...parser.push(wire.subarray(at, at + size)));
    const text = (id: number) =>
      frames.flatMap((f) => (f.kind === 'data' && f.streamId === id ? [f.data.toString()] : [])).join('');
    expect(text(5)).toBe('hello');
    expect(text(7)).toBe('!');
    const fins = frames.flatMap((f) => (f.kind === 'data' && f.fin ? [f.streamId] : []));
    expect(fins).toEqual([5, 7]);
    expect(frames[0]).toMatchObject({ kind: 'control', type: ControlType.ping });
  });

  it('of another version end the connection', () => {
    expect(() => [...new FrameParser().push(Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]))]).toThrow(/version 2/);
  });

  it('with an absurd control length are refused before they are held', () => {
    expect(() => [...new FrameParser().push(Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]))]).toThrow(
      /at most/,
    );
  });
});
