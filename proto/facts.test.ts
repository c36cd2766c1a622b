import { expect, it } from 'vitest';
import { factsOf } from './facts.ts';

it('would notice every kind of difference', () => {
  const changed = factsOf(
    'syntax = "proto3"; package p; message A { reserved 3, 5 to 6; reserved "x"; optional int32 a = 1; oneof o { string b = 2; } map<string, int32> c = 4; repeated bool d = 7 [deprecated = true]; }',
  );
  expect(changed.messages['A']).toEqual({
    fields: [
      { name: 'a', number: 1, type: 'int32', label: 'optional' },
      { name: 'b', number: 2, type: 'string', oneof: 'o' },
      { name: 'c', number: 4, type: 'map<string,int32>' },
      { name: 'd', number: 7, type: 'bool', label: 'repeated', deprecated: true },
    ],
    reserved: ['3', '5 to 6', '"x"'],
  });
});
