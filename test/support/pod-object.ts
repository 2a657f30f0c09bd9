/** What a test says of a pod; the rest is as the API would have it. */
export interface PodSketch {
  readonly uid?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner?: Readonly<Record<string, unknown>>;
  readonly created?: string;
  readonly phase?: string;
  /** Container ids without a scheme; "" for one that was not started. */
  readonly ids?: readonly string[];
  readonly finishedAt?: string;
}

/** A pod as the API server gives it, with one container for each id. */
export function podObject(name: string, sketch: PodSketch = {}): Record<string, unknown> {
  const { ids = [`id-of-${name}`], finishedAt } = sketch;
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: {
      name,
      namespace: sketch.namespace ?? "default",
      uid: sketch.uid ?? `uid-of-${name}`,
      resourceVersion: sketch.version ?? "1",
      creationTimestamp: sketch.created ?? "2026-11-21T10:00:00Z",
      ...(sketch.labels === undefined ? {} : { labels: sketch.labels }),
      ...(sketch.annotations === undefined ? {} : { annotations: sketch.annotations }),
      ...(sketch.owner === undefined ? {} : { ownerReferences: [{ controller: true, ...sketch.owner }] }),
    },
    spec: {
      nodeName: sketch.node ?? "node-0",
      containers: ids.map((_, i) => ({ name: `c${i}`, image: `image-${i}:1` })),
    },
    status: {
      phase: sketch.phase ?? "Running",
      containerStatuses: ids.map((id, i) => ({
        name: `c${i}`,
        containerID: id === "" ? "" : `containerd://${id}`,
        state: finishedAt === undefined ? { running: {} } : { terminated: { finishedAt } },
      })),
    },
  };
}

export function added(pod: object): unknown {
  return { type: "ADDED", object: pod };
}

export function modified(pod: object): unknown {
  return { type: "MODIFIED", object: pod };
}

export function deleted(pod: object): unknown {
  return { type: "DELETED", object: pod };
}

export function bookmark(resourceVersion: string): unknown {
  return { type: "BOOKMARK", object: { kind: "Pod", metadata: { resourceVersion } } };
}
