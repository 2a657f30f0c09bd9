/** What can be shed. */
export const STEPS = ["caches", "conversions", "symbols", "tables", "rate"] as const;
export type Step = (typeof STEPS)[number];

export const RESOURCES = ["memory", "cpu"] as const;
export type Resource = (typeof RESOURCES)[number];

/** What is shed at the moment, of all resources together. */
export interface Shed {
  /** Names and uploads are kept in less memory, the worker only while it works. */
  readonly caches: boolean;
  /** Files are converted to unwind rows with rests between. */
  readonly conversions: boolean;
  /** Names that are not known already are not looked up. */
  readonly symbols: boolean;
  /** Unwind tables, waiting stacks and windows have a quarter of their memory. */
  readonly tables: boolean;
  /** So often the sampling rate is halved; Infinity when nothing is sampled. */
  readonly halvings: number;
}

export const NOTHING_SHED: Shed = { caches: false, conversions: false, symbols: false, tables: false, halvings: 0 };

/** Before the rate, in this order. Memory that conversions take is the worker's, and gone with it; caches take no CPU. */
const BEFORE_RATE: Readonly<Record<Resource, readonly Step[]>> = {
  memory: ["caches", "symbols", "tables"],
  cpu: ["conversions", "symbols"],
};

/** All that can be shed for a resource. */
export function stepsOf(resource: Resource): readonly Step[] {
  return [...BEFORE_RATE[resource], "rate"];
}

/** How often a rate can be halved until it is one a second. */
export function halvingsOf(wantedHz: number): number {
  return Math.max(0, Math.floor(Math.log2(wantedHz)));
}

/** The highest level: the rate halved down to one a second, and then none. */
export function topLevel(resource: Resource, wantedHz: number): number {
  return BEFORE_RATE[resource].length + halvingsOf(wantedHz) + 1;
}

/** Levels from this one on halve the rate. */
export function firstRateLevel(resource: Resource): number {
  return BEFORE_RATE[resource].length + 1;
}

/** What is shed by the rung that leads to this level, 1 or more. */
export function stepOf(resource: Resource, level: number): Step {
  return BEFORE_RATE[resource][level - 1] ?? "rate";
}

/** What is shed at a level of each resource. */
export function shedAt(levels: Readonly<Record<Resource, number>>, wantedHz: number): Shed {
  const shed = { ...NOTHING_SHED };
  for (const resource of RESOURCES) {
    const steps = BEFORE_RATE[resource];
    for (const step of steps.slice(0, levels[resource])) {
      if (step !== "rate") shed[step] = true;
    }
    const halvings = Math.max(0, levels[resource] - steps.length);
    shed.halvings = Math.max(shed.halvings, halvings > halvingsOf(wantedHz) ? Infinity : halvings);
  }
  return shed;
}

/** The rate that is left, ticks a second; Infinity for no bound. */
export function ceilingOf({ halvings }: Shed, wantedHz: number): number {
  if (halvings === 0) return Infinity;
  return halvings === Infinity ? 0 : Math.max(1, Math.floor(wantedHz / 2 ** halvings));
}

/** For people: "caches, symbols, rate (249 Hz)". */
export function describeShed(shed: Shed, wantedHz: number): string {
  const words = STEPS.filter((step) => (step === "rate" ? shed.halvings > 0 : shed[step]));
  return words.map((step) => (step === "rate" ? `rate (${ceilingOf(shed, wantedHz)} Hz)` : step)).join(", ");
}
