/** One label as Prometheus' kin takes it. */
export type LabelPair = readonly [name: string, value: string];

/**
 * Labels under names of [a-zA-Z_][a-zA-Z0-9_]*, each name once, the first `max` of them. Two that become one name are told apart by
 * a number; when some are left out, the last one says how many.
 */
export function legalLabels(labels: Iterable<LabelPair>, max: number): readonly LabelPair[] {
  const legal = new Map<string, string>();
  for (const [name, value] of labels) {
    if (value === "") continue;
    const base = legalName(name);
    let free = base;
    for (let number = 2; legal.has(free); number++) free = `${base}_${number}`;
    legal.set(free, value);
  }
  const all = [...legal];
  if (all.length <= max) return all;
  return [...all.slice(0, max - 1), ["labels_left_out", String(all.length - max + 1)]];
}

/** `__name__` is the intake's own; no other name may begin with two underscores. */
function legalName(name: string): string {
  if (name === "__name__") return name;
  const legal = name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^_+/, "");
  return /^[a-zA-Z]/.test(legal) ? legal : `label_${legal}`;
}
