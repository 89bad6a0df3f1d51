import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { type Asked, type Copies, FileStates } from '../../../../src/xlators/cluster/replicate/file-state.ts';

const ALL = 0b111;
const good: Copies = { data: ALL, metadata: ALL, splitBrain: { data: false, metadata: false } };

function states(most = 10): FileStates {
  return new FileStates(most);
}

test('an answer is taken over with the time at which it was asked for', () => {
  const files = states();
  const file = files.of(newGfid());
  expect(file.learn(good, files.asked(7))).toBe(true);
  expect(file).toMatchObject({ copies: good, generation: 7 });
});

test('who was accused since stays accused, and only who was', () => {
  const files = states();
  const file = files.of(newGfid());
  file.accuse('data', 0b001);
  const asked = files.asked(1);
  file.accuse('data', 0b100);
  expect(file.learn(good, asked)).toBe(true);
  expect(file.copies).toMatchObject({ data: 0b011, metadata: ALL });
  expect(file.learn(good, files.asked(1))).toBe(true);
  expect(file.copies).toMatchObject({ data: ALL, metadata: ALL });
});

test('an answer from before everything was thrown away counts for nothing', () => {
  const files = states();
  const file = files.of(newGfid());
  const asked = files.asked(1);
  file.forget();
  expect(file.learn(good, asked)).toBe(false);
  expect(file.generation).toBe(-1);
});

test('nor does one from before the state itself was dropped', () => {
  const files = states(1);
  const gfid = newGfid();
  const asked = files.asked(1);
  files.of(gfid).accuse('data', 0b010);
  files.of(newGfid());
  expect(files.known(gfid)).toBeUndefined();
  expect(files.of(gfid).learn(good, asked)).toBe(false);
});

test('a state that somebody needs is not dropped', () => {
  const files = states(1);
  const gfid = newGfid();
  const file = files.of(gfid);
  file.pins++;
  for (let count = 0; count < 5; count++) files.of(newGfid());
  expect(files.of(gfid)).toBe(file);
  files.drop(gfid);
  expect(files.of(gfid)).toBe(file);
  file.pins--;
  files.drop(gfid);
  expect(files.of(gfid)).not.toBe(file);
});

/** Accusations and answers in any order: a copy is readable only if an answer from after its last accusation says so. */
test('no order of events makes an accused copy readable', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('ask' as const) }),
    fc.record({
      kind: fc.constant('learn' as const),
      which: fc.nat(5),
      set: fc.integer({ min: 0, max: ALL }),
    }),
    fc.record({ kind: fc.constant('accuse' as const), set: fc.integer({ min: 1, max: ALL }) }),
    fc.record({ kind: fc.constant('forget' as const) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const files = states();
      const file = files.of(newGfid());
      const questions: { asked: Asked; at: number }[] = [];
      const accusedAt = [-1, -1, -1];
      let readable = 0;
      let forgotten = -1;
      for (const [at, one] of events.entries()) {
        if (one.kind === 'ask') questions.push({ asked: files.asked(1), at });
        else if (one.kind === 'forget') {
          file.forget();
          forgotten = at;
        } else if (one.kind === 'accuse') {
          file.accuse('data', one.set);
          for (const index of [0, 1, 2]) if ((one.set & (1 << index)) !== 0) accusedAt[index] = at;
          readable &= ~one.set;
        } else {
          const question = questions[one.which];
          if (question === undefined) continue;
          const learnt = file.learn({ ...good, data: one.set }, question.asked);
          expect(learnt).toBe(question.at > forgotten);
          if (!learnt) continue;
          const late = accusedAt.reduce(
            (set, when, index) => (when > question.at ? set | (1 << index) : set),
            0,
          );
          readable = one.set & ~late;
        }
        expect(file.readable('data')).toBe(readable);
      }
    }),
  );
});
