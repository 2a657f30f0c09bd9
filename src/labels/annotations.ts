import type { Pod } from "../model/pod.js";

/** What a pod may say to hostflame. */
export const PROFILE_ANNOTATION = "hostflame.io/profile";
export const FREQUENCY_ANNOTATION = "hostflame.io/frequency";
export const SCHEDULE_ANNOTATION = "hostflame.io/schedule";
export const DURATION_ANNOTATION = "hostflame.io/duration";
export const SERVICE_ANNOTATION = "hostflame.io/service";
export const ENV_ANNOTATION = "hostflame.io/env";
export const VERSION_ANNOTATION = "hostflame.io/version";

/** An annotation whose value means nothing. */
export interface AnnotationMistake {
  readonly annotation: string;
  /** One sentence: which pod, what it says, what was made of it. */
  readonly message: string;
}

/** A pod's own annotation. Names are Kubernetes', so an object's inherited properties must not answer for them. */
export function annotationOf(pod: Pod | undefined, name: string): string | undefined {
  return pod !== undefined && Object.hasOwn(pod.annotations, name) ? pod.annotations[name] : undefined;
}

export function labelOf(pod: Pod | undefined, name: string): string | undefined {
  return pod !== undefined && Object.hasOwn(pod.labels, name) ? pod.labels[name] : undefined;
}
