/** A number from 0 to 2^32 - 1 as HotSpot packs it (utilities/unsigned5.hpp); of versions before 20 with a bias of 0. */
export function compressed(value: number, bias: 0 | 1): number[] {
  const bytes: number[] = [];
  const low = 256 - 64 - bias;
  let rest = value;
  for (let row = 0; ; row++) {
    if (rest < low || row === 4) return [...bytes, (rest + bias) % 256];
    const digit = low + ((rest - low) % 64);
    bytes.push(digit + bias);
    rest = Math.floor((rest - digit) / 64);
  }
}
