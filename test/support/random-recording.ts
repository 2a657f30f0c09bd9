import type { StackRecording } from "./stack-recording.js";

const CODE = 0x40_0000;
const CODE_BYTES = 0x3_0000;
const STACK = 0x7fff_0000_0000;
const STACK_WORDS = 64;

/** A small generator with a seed (mulberry32), so that a failure can be had again. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/**
 * A stack that nobody made: rules of every kind over words of which many are plausible (code addresses, stack
 * addresses, zero), so that walks get far before something is wrong.
 */
export function randomRecording(seed: number): StackRecording {
  const below = generator(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[below(choices.length)];
  const hex = (value: number): string => value.toString(16);
  const code = (): number => CODE + below(CODE_BYTES);
  const stack = (): number => STACK + 8 * below(STACK_WORDS);
  const word = (): string =>
    pick(
      () => hex(code()),
      () => hex(code()),
      () => hex(stack()),
      () => hex(stack() + below(8)),
      () => "0",
      () => hex(below(2 ** 30)),
      () => `${hex(0x8000_0000 + below(2 ** 31))}${hex(0x1000_0000 + below(2 ** 28))}`,
    )();
  const signed = (least: number, most: number): string => {
    const offset = 8 * (Math.floor(least / 8) + below(Math.floor((most - least) / 8)));
    return offset < 0 ? `${offset}` : `+${offset}`;
  };
  const saved = (): string =>
    pick(
      () => `c${signed(-64, 0)}`,
      () => `c${signed(-64, 64)}`,
      () => `*(rbp${signed(-32, 32)})`,
      () => `*(rsp${signed(0, 64)})`,
      () => `pushed(c${signed(-64, 0)})`,
      () => "u",
    )();
  const cfa = (): string =>
    pick(
      () => `rsp${signed(8, 64)}`,
      () => `rsp${signed(8, 64)}`,
      () => `rsp${signed(0, 4096)}`,
      () => `rbp${signed(0, 32)}`,
      () => `switch(rbp${signed(-16, 32)})`,
      () => `rbx${signed(0, 32)}`,
      () => `leaf${below(17)}${signed(0, 16)}`,
      () => `*(rsp${signed(0, 64)}+8*leaf${below(17)})${signed(-8, 16)}`,
      () => `*(rsp${signed(0, 64)})${signed(-8, 16)}`,
      () => `*(rbp${signed(-16, 16)})${signed(-8, 16)}`,
      () => `rsp+8+8*((rip&15)>=${below(16)})`,
      () => `rsp${signed(8, 64)}+8*pushes(${hex(1 + below(0xffff))})`,
      () => `rsp${signed(136, 256)}-8*pops(${hex(1 + below(0xffff))})`,
    )();
  const rule = (): string => {
    if (below(8) === 0) return pick("none", "end", "unsupported", "signal");
    const parts = [`cfa=${cfa()}`];
    if (below(3) === 0) parts.push(`rbp=${saved()}`);
    if (below(3) === 0) parts.push(`rbx=${saved()}`);
    parts.push(`ra=${below(10) === 0 ? saved() : "c-8"}`);
    return parts.join(" ");
  };

  const offsets = [...new Set(Array.from({ length: 1 + below(40) }, () => below(CODE_BYTES)))].sort((a, b) => a - b);
  const lines = [
    `recording random ${seed}`,
    `registers ip=0x${hex(code())} sp=0x${hex(STACK + 8 * below(8))} fp=0x${pick(hex(stack()), word())} ` +
      `bx=0x${pick(hex(stack()), word())} lr=0x0 return_address=${below(2)}`,
  ];
  if (below(4) > 0) {
    lines.push(`leaf ${Array.from({ length: 17 }, () => pick(hex(stack()), hex(below(32)), word())).join(" ")}`);
  }
  lines.push(`mapping ${hex(CODE)} ${hex(CODE + CODE_BYTES)} 0 1`);
  if (below(16) > 0) lines.push(...offsets.map((offset) => `row 1 ${hex(offset)} ${rule()}`));
  lines.push(`stack ${hex(STACK)} ${Array.from({ length: STACK_WORDS }, word).join(" ")}`);
  return { file: "random", name: `random ${seed}`, text: `${lines.join("\n")}\n` };
}
