import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EXIT_RECORD_SIZE, parseExitRecord } from './exit-record.ts';

interface Slot {
  sequence: bigint;
  phase: number;
  code: number;
  flags?: number;
}

function writeSlot(file: Buffer, offset: number, slot: Slot): void {
  const bytes = Buffer.alloc(512);
  bytes.write('GANTRYX1', 0, 'latin1');
  bytes.writeBigUInt64LE(slot.sequence, 8);
  bytes.writeUInt32LE(slot.phase, 16);
  bytes.writeInt32LE(slot.code, 20);
  bytes.writeInt32LE(slot.code > 128 ? slot.code - 128 : 0, 24);
  bytes.writeInt32LE(4711, 28);
  bytes.writeBigInt64LE(1_700_000_000_000_000_001n, 32);
  bytes.writeBigInt64LE(1_700_000_000_000_000_002n, 40);
  bytes.writeBigInt64LE(1_700_000_000_000_000_003n, 48);
  bytes.writeUInt32LE(slot.flags ?? 0, 60);
  bytes.writeBigUInt64LE(99n, 64);
  Buffer.from('00112233445566778899aabbccddeeff', 'hex').copy(bytes, 72);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 508)), 508);
  bytes.copy(file, offset);
}

function file(first?: Slot, second?: Slot): Buffer {
  const bytes = Buffer.alloc(EXIT_RECORD_SIZE);
  if (first) writeSlot(bytes, 0, first);
  if (second) writeSlot(bytes, 4096, second);
  return bytes;
}

describe('the exit record', () => {
  it.each([
    [
      'the higher sequence number wins, second slot',
      { sequence: 7n, phase: 3, code: 0 },
      { sequence: 8n, phase: 4, code: 3 },
      3,
    ],
    [
      'the higher sequence number wins, first slot',
      { sequence: 9n, phase: 4, code: 5 },
      { sequence: 8n, phase: 3, code: 0 },
      5,
    ],
    ['one slot is enough', undefined, { sequence: 1n, phase: 4, code: 137 }, 137],
  ])('%s', (_name, first, second, code) => {
    expect(parseExitRecord(file(first, second))?.exitCode).toBe(code);
  });

  it('reads every member', () => {
    expect(parseExitRecord(file({ sequence: 2n, phase: 4, code: 137, flags: 3 }))).toEqual({
      sequence: 2n,
      phase: 'EXITED',
      exitCode: 137,
      signal: 9,
      pid: 4711,
      createdAt: 1_700_000_000_000_000_001n,
      startedAt: 1_700_000_000_000_000_002n,
      finishedAt: 1_700_000_000_000_000_003n,
      restarts: 0,
      oomKilled: true,
      final: true,
      startTicks: 99n,
      bootId: '00112233-4455-6677-8899-aabbccddeeff',
    });
  });

  it('falls back to the older slot when the newer was torn', () => {
    const bytes = file({ sequence: 1n, phase: 3, code: 0 }, { sequence: 2n, phase: 4, code: 1 });
    bytes[4096 + 20] = 77;
    expect(parseExitRecord(bytes)?.sequence).toBe(1n);
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['all zero', Buffer.alloc(EXIT_RECORD_SIZE)],
    ['cut off', file({ sequence: 1n, phase: 4, code: 0 }).subarray(0, 300)],
  ])('says nothing when it is %s', (_name, bytes) => {
    expect(parseExitRecord(bytes)).toBeUndefined();
  });
});
