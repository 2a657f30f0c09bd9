import { containerd } from "#src/containers/runtimes/containerd.js";
import { cri } from "#src/containers/runtimes/cri.js";
import { docker } from "#src/containers/runtimes/docker.js";
import { describeRuntime } from "../../support/describe-runtime.js";
import { containerdSubject } from "../../support/runtimes/private-containerd.js";
import { criSubject } from "../../support/runtimes/private-cri.js";
import { dockerSubject, podmanSubject } from "../../support/runtimes/private-docker.js";

// The real things, each with a root, a state and a socket of its own; skipped where they are not installed.
describeRuntime("containerd's own containers", containerd, containerdSubject);
describeRuntime("containerd's containers of Kubernetes", containerd, criSubject);
describeRuntime("containerd's CRI", cri, criSubject);
describeRuntime("dockerd", docker, dockerSubject);
describeRuntime("podman", docker, podmanSubject);
